// SPDX-License-Identifier: MIT
// A plan for a GPU: how the threads of a grid share a sweep. A pure function of
// program, sizes, dtype and device: it is that of one problem in a batch too.
//
//   a block of threads, each with some rows of the kept axis
//     for each chunk of its part of the reduced axis
//       its threads pack the chunk, together
//       each runs the tile of its rows
//     partial states go into the workspace where several blocks share a row
//   a second kernel merges partial states, in a fixed order
#pragma once

#include "gramless/plan/plan.h"

namespace gramless {

/// Bytes of the workspace at most.
inline constexpr int64_t kWorkspaceBytes = int64_t{1} << 26;
/// Blocks that a grid may have along y, and along z.
inline constexpr int64_t kMostBlocks = 65535;

/// What a plan depends on of a device.
struct GridDevice {
  int multiprocessors = 132;
};

/// Choices that a test may force.
struct GridOverrides {
  PlanOverrides tile = {};
  std::optional<int> threads = {};
  std::optional<int64_t> blocks = {};
  /// Whether threads keep what is their own in the workspace.
  std::optional<bool> is_own_in_workspace = {};
  std::optional<bool> is_panel_in_workspace = {};
};

/// Parts of a thread's own memory, in bytes: each starts at a multiple of 8.
struct ThreadMemory {
  int64_t kept = 0;
  int64_t words = 0;
  int64_t block = 0;
  int64_t scratch = 0;

  [[nodiscard]] int64_t bytes() const { return kept + words + block + scratch; }
};

/// Where parts of the workspace start, in bytes.
struct WorkspaceLayout {
  int64_t call = 0;    // The values of a call, if they are many.
  int64_t blocks = 0;  // What blocks and their threads have for themselves.
  int64_t states = 0;  // Partial states of rows: see GridPlan::splits.
  int64_t sums = 0;    // Of outputs that keep no axis, for each block.
  int64_t bytes = 0;
};

struct GridPlan {
  /// One lane, along the kept axis.
  TileShape tile;
  SweepSizes sizes;
  /// Of a block: a power of two.
  int threads = 1;
  /// Blocks that a multiprocessor has registers for, at least.
  int resident_blocks = 1;
  /// Tiles of a block's rows, and blocks that take them, one after another.
  int64_t tiles = 0;
  int64_t blocks = 0;
  int64_t chunk = 1;  // Positions of the reduced axis packed together.
  /// Parts of the reduced axis that blocks of their own take.
  int64_t splits = 1;
  int64_t split_length = 1;
  ThreadMemory own;
  bool is_own_in_workspace = false;
  bool is_panel_in_workspace = false;
  bool is_call_in_workspace = false;
  WorkspaceLayout workspace;
  /// Of the values of a call, and of a chunk.
  int64_t call_bytes = 0;
  int64_t panel_bytes = 0;
  /// Of the memory that threads of a block share.
  int64_t shared_bytes = 0;
  /// One sentence for each choice, if they were asked for.
  std::vector<std::string> reasons;

  /// Bytes of the shared memory in front of the chunk: the values of a call.
  [[nodiscard]] int64_t shared_call_bytes() const;
  /// Bytes of the workspace that a block has for itself.
  [[nodiscard]] int64_t block_bytes() const;
};

/// Plans a program without crossed outputs.
GridPlan make_grid_plan(const Program& program, SweepSizes sizes, DType dtype,
                        const GridDevice& device = {},
                        const GridOverrides& overrides = {},
                        bool has_reasons = false);

/// Returns a text that two plans share only if their code is the same.
std::string grid_key(const Program& program, const GridPlan& plan);

/// Prints the plan.
std::string to_text(const GridPlan& plan);

}  // namespace gramless
