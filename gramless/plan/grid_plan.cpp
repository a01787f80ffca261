// SPDX-License-Identifier: MIT
// Chooses plans for GPUs. The tuned numbers stand here.
#include "gramless/plan/grid_plan.h"

#include <algorithm>

#include "gramless/base/integers.h"
#include "gramless/base/text.h"
#include "gramless/plan/stored_values.h"

namespace gramless {
namespace {

// Chosen by counts of instructions and registers, not yet measured on devices.

/// Threads of a block, and the least: a warp.
constexpr int kThreads = 128;
constexpr int kLeastThreads = 32;
/// Threads that a multiprocessor has registers for, at least: 128 of 32 bits
/// each. With a lower bound ptxas would save more of them, and spill.
constexpr int kThreadsOfFloat32 = 512;
constexpr int kThreadsOfFloat64 = 256;
/// Threads of a multiprocessor that blocks are wanted for.
constexpr int64_t kResidentThreads = 1024;
/// Positions that are taken at once: a float64 takes two registers.
constexpr int kReducedUnroll = 4;
constexpr int kReducedUnrollOfFloat64 = 2;
/// Of outputs with a scale: rows of a thread, terms of a block, which are taken
/// at once, and the bytes of registers for what is kept of its pairs.
constexpr int kScaledRows = 2;
constexpr int kScaledTerms = 16;
constexpr int kLeastScaledTerms = 4;
constexpr int64_t kScaledBytes = 128;
/// Rows of a thread at most, and where each has many sums.
constexpr int64_t kMostRows = 5;
constexpr int kWideRows = 2;
/// Registers for sums of many elements, and for all sums of others.
constexpr int kSumRegisters = 32;
constexpr int64_t kAccumulators = 16;
/// Bytes of a chunk of the reduced axis, and what it may have at most to hold a
/// block of terms: static shared memory has 48 kB.
constexpr int64_t kChunkBytes = int64_t{1} << 13;
constexpr int64_t kMostChunkBytes = int64_t{1} << 15;
/// Bytes of the values of a call that each block packs for itself.
constexpr int64_t kCallBytes = int64_t{1} << 11;
/// Bytes of a thread that are registers or local memory.
constexpr int64_t kLocalBytes = 6 << 10;
/// Positions of the reduced axis that are worth a part of it.
constexpr int64_t kLeastSplit = 512;
/// Bytes of partial states at most.
constexpr int64_t kStateBytes = int64_t{1} << 25;
constexpr int64_t kAlignment = 256;
/// Of a word of a state.
constexpr int64_t kWordBytes = 8;
constexpr int64_t kSharedAlignment = 16;

bool has_scale(const Program& program) {
  return std::ranges::any_of(program.outputs, [](const ProgramOutput& output) {
    return row_of(output.reduction).has_scale;
  });
}

class GridPlanner {
 public:
  GridPlanner(const Program& program, SweepSizes sizes,
              const GridDevice& device, const GridOverrides& overrides,
              bool has_reasons)
      : program_(program),
        device_(device),
        overrides_(overrides),
        has_reasons_(has_reasons) {
    plan_.sizes = sizes;
  }

  GridPlan make(DType dtype) {
    choose_tile(dtype);
    choose_threads();
    choose_memory();
    choose_chunk();
    choose_blocks();
    lay_out_workspace();
    return std::move(plan_);
  }

 private:
  template <class... Parts>
  void because(const Parts&... parts) {
    if (has_reasons_) plan_.reasons.push_back(concat(parts...));
  }

  [[nodiscard]] int64_t numbers(int64_t count) const {
    return count * dtype_size(plan_.tile.dtype);
  }
  [[nodiscard]] std::string_view kept_axis() const {
    return kept_name(program_.kept);
  }
  [[nodiscard]] std::string_view reduced_axis() const {
    return kept_name(other_axis(program_.kept));
  }

  /// The tile is that of a CPU with vectors of one number, but for what GPUs
  /// have more registers for.
  void choose_tile(DType dtype) {
    PlanOverrides forced = overrides_.tile;
    forced.lanes = 1;
    forced.lanes_along_kept = true;
    Plan plan =
        make_plan(program_, plan_.sizes, dtype,
                  static_cast<int>(dtype_size(dtype)), forced, has_reasons_);
    plan_.tile = plan.tile;
    TileShape& tile = plan_.tile;
    if (has_reasons_) plan_.reasons.push_back(plan.reasons.front());
    tile.sum_registers = kSumRegisters;
    tile.panel_multiple = kSharedAlignment / dtype_size(dtype);
    int reduced = 1;
    if (tile.reduced_unroll > 1) {
      reduced =
          dtype == DType::float32 ? kReducedUnroll : kReducedUnrollOfFloat64;
    }
    if (!forced.kept_unroll) choose_rows();
    if (has_scale(program_)) {
      reduced = scaled_terms();
      tile.block_terms = reduced;
    }
    tile.reduced_unroll = forced.reduced_unroll.value_or(reduced);
    because("a thread has ", tile.kept_unroll, " ", kept_axis(), ", and takes ",
            tile.reduced_unroll, " ", reduced_axis(), " at once");
  }

  /// Rows share the loads of a position, but each has sums of its own, and
  /// memory.
  void choose_rows() {
    TileShape& tile = plan_.tile;
    const int64_t width = kept_width(program_);
    const bool is_wide = width > kAccumulators;
    const int64_t fitting = kAccumulators / std::max<int64_t>(1, width);
    const int64_t most = has_scale(program_) ? kScaledRows
                         : is_wide           ? kWideRows
                                             : std::min(fitting, kMostRows);
    tile.kept_unroll =
        static_cast<int>(std::min<int64_t>(tile.kept_unroll, most));
    while (tile.kept_unroll > 1 && own_memory().bytes() > kLocalBytes) {
      --tile.kept_unroll;
    }
  }

  [[nodiscard]] int scaled_terms() const {
    const int64_t bytes = numbers(stored_registers(program_, plan_.tile));
    int terms = kScaledTerms;
    while (terms > kLeastScaledTerms && terms * bytes > kScaledBytes) {
      terms /= 2;
    }
    return terms;
  }

  void choose_threads() {
    int threads = kThreads;
    while (threads > kLeastThreads &&
           plan_.sizes.kept <= int64_t{threads / 2} * plan_.tile.kept_unroll) {
      threads /= 2;
    }
    plan_.threads = overrides_.threads.value_or(threads);
    plan_.resident_blocks =
        (plan_.tile.dtype == DType::float32 ? kThreadsOfFloat32
                                            : kThreadsOfFloat64) /
        std::max(kLeastThreads, plan_.threads);
  }

  [[nodiscard]] ThreadMemory own_memory() const {
    const TileShape& tile = plan_.tile;
    const int64_t width = kept_width(program_) * tile.kept_unroll;
    const auto part = [&](int64_t count) {
      return round_up(numbers(count), kWordBytes);
    };
    return {
        part(packed_elements(program_, kept_rate(program_)) * tile.kept_unroll),
        state_words(program_) * (width + shared_width(program_)) * kWordBytes,
        part(block_numbers(program_, tile)),
        part(scratch_numbers(program_, tile))};
  }

  void choose_memory() {
    plan_.own = own_memory();
    plan_.is_own_in_workspace = overrides_.is_own_in_workspace.value_or(
        plan_.own.bytes() > kLocalBytes);
    plan_.call_bytes = numbers(packed_elements(program_, Rate::call));
    plan_.is_call_in_workspace = plan_.call_bytes > kCallBytes;
    because("a block has ", plan_.threads, " threads, each with ",
            plan_.own.bytes(), " bytes of its own, in ",
            plan_.is_own_in_workspace ? "the workspace"
                                      : "registers or local memory");
  }

  void choose_chunk() {
    const int64_t block = plan_.tile.block();
    const int64_t elements = packed_elements(program_, reduced_rate(program_));
    const int64_t bytes =
        numbers(plan_.tile.panel_stride(std::max<int64_t>(1, elements)));
    const int64_t most = kMostChunkBytes / bytes;
    plan_.is_panel_in_workspace =
        overrides_.is_panel_in_workspace.value_or(most == 0);
    plan_.chunk = std::max(block, kChunkBytes / bytes / block * block);
    if (most > 0) plan_.chunk = std::min(plan_.chunk, most);
    const int64_t reduced = std::max<int64_t>(1, plan_.sizes.reduced);
    plan_.chunk = overrides_.tile.chunk.value_or(
        std::min(plan_.chunk, round_up(reduced, block)));
    plan_.panel_bytes = round_up(plan_.chunk * bytes, kSharedAlignment);
    const int64_t panel = plan_.is_panel_in_workspace ? 0 : plan_.panel_bytes;
    const int64_t merge = shared_width(program_) > 0
                              ? plan_.threads * int64_t{kMostWords} * kWordBytes
                              : 0;
    plan_.shared_bytes = plan_.shared_call_bytes() + std::max(panel, merge);
    because(reduced_axis(), " pass through ",
            plan_.is_panel_in_workspace ? "the workspace" : "shared memory",
            ", ", plan_.chunk, " of ", bytes, " bytes each at once");
  }

  [[nodiscard]] int64_t state_bytes(int64_t elements) const {
    return elements * state_words(program_) * kWordBytes;
  }

  void choose_blocks() {
    const int64_t rows = int64_t{plan_.threads} * plan_.tile.kept_unroll;
    const int64_t reduced = std::max<int64_t>(1, plan_.sizes.reduced);
    plan_.tiles = ceil_divide(plan_.sizes.kept, rows);
    const int64_t wanted =
        device_.multiprocessors * kResidentThreads / plan_.threads;
    const int64_t tiles = std::max<int64_t>(1, plan_.tiles);
    const int64_t of_rows = state_bytes(kept_width(program_)) *
                            std::max<int64_t>(1, plan_.sizes.kept);
    const int64_t of_block =
        plan_.block_bytes() + state_bytes(shared_width(program_));
    int64_t most = std::min(kMostBlocks, ceil_divide(reduced, kLeastSplit));
    if (of_rows > 0) most = std::min(most, kStateBytes / of_rows);
    if (of_block > 0) {
      most = std::min(most, kWorkspaceBytes / 2 / of_block / tiles);
    }
    const int64_t splits = overrides_.tile.splits.value_or(
        std::clamp<int64_t>(wanted / tiles, 1, std::max<int64_t>(1, most)));
    plan_.split_length = round_up(ceil_divide(reduced, splits), plan_.chunk);
    plan_.splits = ceil_divide(reduced, plan_.split_length);
    plan_.blocks = plan_.tiles;
    if (of_block > 0) {
      const int64_t fitting = kWorkspaceBytes / 2 / of_block / plan_.splits;
      plan_.blocks = std::min(plan_.tiles, std::max<int64_t>(1, fitting));
    }
    if (overrides_.blocks) {
      plan_.blocks = std::min(plan_.tiles, *overrides_.blocks);
    }
    because("blocks: ", plan_.blocks, " for ", plan_.tiles, " tiles of ", rows,
            " ", kept_axis(), ", times ", plan_.splits, " of ",
            plan_.split_length, " ", reduced_axis());
  }

  void lay_out_workspace() {
    WorkspaceLayout& layout = plan_.workspace;
    const auto take = [&](int64_t& start, int64_t bytes) {
      start = layout.bytes;
      layout.bytes += round_up(bytes, kAlignment);
    };
    const int64_t blocks = plan_.blocks * plan_.splits;
    take(layout.call, plan_.is_call_in_workspace ? plan_.call_bytes : 0);
    take(layout.blocks, blocks * plan_.block_bytes());
    take(layout.states, plan_.splits > 1 ? plan_.splits * plan_.sizes.kept *
                                               state_bytes(kept_width(program_))
                                         : 0);
    take(layout.sums,
         std::max<int64_t>(1, blocks) * state_bytes(shared_width(program_)));
    because("workspace: ", layout.bytes, " bytes");
  }

  const Program& program_;
  const GridDevice& device_;
  const GridOverrides& overrides_;
  const bool has_reasons_;
  GridPlan plan_;
};

}  // namespace

int64_t GridPlan::shared_call_bytes() const {
  return is_call_in_workspace ? 0 : round_up(call_bytes, kSharedAlignment);
}

int64_t GridPlan::block_bytes() const {
  return (is_own_in_workspace ? threads * own.bytes() : 0) +
         (is_panel_in_workspace ? panel_bytes : 0);
}

GridPlan make_grid_plan(const Program& program, SweepSizes sizes, DType dtype,
                        const GridDevice& device,
                        const GridOverrides& overrides, bool has_reasons) {
  return GridPlanner(program, sizes, device, overrides, has_reasons)
      .make(dtype);
}

std::string grid_key(const Program& program, const GridPlan& plan) {
  std::string key = code_key(program, plan.tile);
  for (const auto& [name, extent] : long_axes(program, plan.tile)) {
    key += concat(name, ":", extent, "\n");
  }
  return key + concat(plan.tile.block_terms, " terms, ", plan.threads,
                      " threads, ", plan.splits > 1 ? "several parts" : "one",
                      plan.is_own_in_workspace ? ", own" : "",
                      plan.is_panel_in_workspace ? ", panel" : "",
                      plan.is_call_in_workspace ? ", call" : "", "\n");
}

std::string to_text(const GridPlan& plan) {
  std::string text =
      concat("plan for ", dtype_name(plan.tile.dtype), " on a GPU\n");
  for (const std::string& reason : plan.reasons) {
    text += concat("  ", reason, "\n");
  }
  return text;
}

}  // namespace gramless
