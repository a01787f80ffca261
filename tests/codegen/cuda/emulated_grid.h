// SPDX-License-Identifier: MIT
// Runs the kernels of a grid on the CPU: their LLVM code is compiled for this
// machine, a thread of a block is a fibre, and a barrier a switch to the next.
// Blocks run one after another. What a GPU has in hardware comes from here.
#pragma once

#include "codegen/cuda/grid_executor.h"

namespace gramless::testing {

/// Returns what runs grids on the CPU, planned as small_grid(), few_blocks(),
/// and as for a real device in blocks of a warp. Throws InternalError if
/// threads of a block do not meet at a barrier, or if something is written
/// behind the shared memory.
GridExecutor& emulated_grid();

/// Runs one launch of a program's kernels, which reads and writes memory of
/// this process.
void run_emulated(const Program& program, const GridPlan& plan,
                  const KernelLaunch& launch,
                  std::span<const std::byte> parameter);

}  // namespace gramless::testing
