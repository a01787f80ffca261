// SPDX-License-Identifier: MIT
// Generates the kernels of a sweep for a GPU, and says how they are launched.
// This header needs no LLVM.
//
// All kernels take one parameter, by value: grid_parameters(). They are
// launched one after another on one stream, and neither block the host nor
// allocate.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "gramless/codegen/sweep_code.h"
#include "gramless/plan/grid_plan.h"

namespace gramless {

/// A launch: the kernel's name, the grid's blocks along x and y, the threads of
/// a block along x, and the bytes of dynamic shared memory.
struct KernelLaunch {
  const char* kernel = nullptr;
  int64_t blocks_x = 1;
  int64_t blocks_y = 1;
  int threads = 1;
  int64_t shared_bytes = 0;

  bool operator==(const KernelLaunch&) const = default;
};

/// Packs the values of a call, if they are many.
inline constexpr const char* kCallKernel = "gramless_call";
inline constexpr const char* kSweepKernel = "gramless_sweep";
/// Merges partial states, and makes results of them.
inline constexpr const char* kFinishKernel = "gramless_finish";

/// Returns the launches that compute a program's results, in order. There is
/// none where there is no result.
std::vector<KernelLaunch> grid_launches(const Program& program,
                                        const GridPlan& plan);

/// Returns the parameter of all kernels, which it is copied into: the addresses
/// of arguments and results, in the order of the program's, and of the
/// workspace of `plan.workspace.bytes`, aligned to 256 bytes, are addresses on
/// the device.
std::vector<std::byte> grid_parameters(const Program& program,
                                       const GridPlan& plan,
                                       std::span<const ArrayPointer> arguments,
                                       std::span<const ResultPointer> results,
                                       void* workspace);

/// Returns the target of GPUs of a compute capability, such as 80.
Target cuda_target(int capability);

/// Generates the module of a program's kernels. The code is the same for all
/// plans with one grid_key().
GeneratedModule generate_grid(const Program& program, const GridPlan& plan,
                              const Target& target);

}  // namespace gramless
