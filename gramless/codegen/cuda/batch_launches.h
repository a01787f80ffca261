// SPDX-License-Identifier: MIT
// Lists the launches that run a program on a batch: a slab of problems after
// another one, on one stream and in one workspace. This header needs no LLVM.
//
// Results that problems share are computed in float64 for each problem of a
// slab, in the workspace; a kernel then adds them up in the order of the
// problems, so that the bits do not depend on slabs.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "gramless/base/batched_array.h"
#include "gramless/codegen/cuda/add_kernel.h"
#include "gramless/plan/slabs.h"

namespace gramless {

/// What problems of one launch may take. Shared results may take more bytes:
/// what those of one problem and their sums do in float64.
struct BatchLimits {
  int64_t problems = kMostBlocks;
  int64_t workspace_bytes = kWorkspaceBytes;
};

class BatchLaunches {
 public:
  /// The plan is that of one problem, whatever the batch is, so that each
  /// problem has the bits that it has alone. The program computes results that
  /// problems share in float64.
  BatchLaunches(const Program& program, const GridPlan& plan,
                const Batch& batch, const BatchLimits& limits = {});

  [[nodiscard]] int64_t workspace_bytes() const { return bytes_; }

  /// Queues a launch with the parameter of its kernel: kAddKernel, or one of
  /// grid_kernels().
  using Queue = std::function<void(const KernelLaunch& launch,
                                   std::span<const std::byte> parameter)>;
  /// Queues all launches, in a workspace that is aligned to 256 bytes.
  void queue(void* workspace, const Queue& queue) const;

 private:
  /// A result of the program that problems share.
  struct SharedResult {
    std::size_t result = 0;
    int64_t width = 0;     // Numbers of a part,
    int64_t elements = 0;  // and of all parts.
    /// Where the workspace has those of the problems of a slab, and their sums.
    int64_t terms = 0;
    int64_t sums = 0;
  };

  void find_shared_results();
  /// Chooses how many problems a slab has.
  void choose_slabs(const BatchLimits& limits);
  void lay_out_workspace();
  /// Return the places of a result, and of its parts, among the arrays of the
  /// slabs.
  [[nodiscard]] std::size_t result_place(std::size_t result) const;
  [[nodiscard]] std::size_t part_place(std::size_t result) const;
  /// Returns what the kernels of a slab work on.
  [[nodiscard]] GridArrays arrays_of(const Slab& slab,
                                     std::byte* workspace) const;
  /// Returns what all sums of a result have in common.
  [[nodiscard]] AddParameters result_of(const SharedResult& shared) const;
  /// Queues the sum of a slab's problems.
  void queue_sum(const SharedResult& shared, const Slab& slab,
                 std::byte* workspace, const Queue& queue) const;
  /// Queues what a result has where there are no problems: 0.
  void queue_empty_sums(const Queue& queue) const;

  const Program& program_;
  const GridPlan& plan_;
  const Batch& batch_;
  std::vector<KernelLaunch> launches_;  // Of one problem.
  Slabs slabs_;
  std::vector<SharedResult> shared_;
  int64_t at_once_ = 1;
  int64_t bytes_ = 0;
};

}  // namespace gramless
