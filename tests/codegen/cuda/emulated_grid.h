// SPDX-License-Identifier: MIT
// Runs the kernels of a grid on the CPU: their LLVM code is compiled for this
// machine, a thread of a block is a fibre, and a barrier a switch to the next.
// Blocks run one after another. What a GPU has in hardware comes from here.
#pragma once

#include "gramless/backend/backend.h"
#include "gramless/codegen/cuda/batch_launches.h"

namespace gramless::testing {

/// A small device, so that little work is split, in blocks of a few threads.
/// Throws InternalError if threads of a block do not meet at a barrier, or if
/// something is written behind the shared memory. A RunProgram.
void run_on_grid(const Program& program, Sizes sizes,
                 std::span<const ArrayView> arguments,
                 std::span<const MutableArrayView> results,
                 const RunOptions& options);

/// The same where each block takes several tiles, and all memory of threads is
/// in the workspace.
void run_on_few_blocks(const Program& program, Sizes sizes,
                       std::span<const ArrayView> arguments,
                       std::span<const MutableArrayView> results,
                       const RunOptions& options);

/// The same with the plan for a real device, in blocks of a warp.
void run_on_warps(const Program& program, Sizes sizes,
                  std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results,
                  const RunOptions& options);

/// The first two for all problems of a batch. The program computes results that
/// problems share in float64.
void run_batch_on_grid(const Program& program, Sizes sizes, const Batch& batch,
                       const BatchLimits& limits);
void run_batch_on_few_blocks(const Program& program, Sizes sizes,
                             const Batch& batch, const BatchLimits& limits);

/// Returns how many programs have run so, and how many launches they took.
int64_t emulated_sweeps();
int64_t emulated_launches();

}  // namespace gramless::testing
