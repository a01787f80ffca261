// SPDX-License-Identifier: MIT
// Generates the kernels of a sweep for a GPU, and says how they are launched.
// This header needs no LLVM.
//
// All kernels take one parameter, by value: grid_parameters(). They are
// launched one after another on one stream, and neither block the host nor
// allocate.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "gramless/codegen/sweep_code.h"
#include "gramless/plan/grid_plan.h"

namespace gramless {

/// A launch: the kernel's name, the grid's blocks, the threads of a block along
/// x, and the bytes of dynamic shared memory.
struct KernelLaunch {
  const char* kernel = nullptr;
  int64_t blocks_x = 1;
  int64_t blocks_y = 1;
  int threads = 1;
  int64_t shared_bytes = 0;
  /// Along z: one for each problem.
  int64_t problems = 1;

  bool operator==(const KernelLaunch&) const = default;
};

/// Packs the values of a call, if they are many.
inline constexpr const char* kCallKernel = "gramless_call";
inline constexpr const char* kSweepKernel = "gramless_sweep";
/// Merges partial states, and makes results of them.
inline constexpr const char* kFinishKernel = "gramless_finish";

/// Returns the launches that compute a program's results for one problem, in
/// order. There is none where there is no result.
std::vector<KernelLaunch> grid_launches(const Program& program,
                                        const GridPlan& plan);

/// Returns the names of the kernels that generate_grid() makes.
std::vector<std::string> grid_kernels(const Program& program,
                                      const GridPlan& plan);

/// What kernels work on: addresses on the device of the first problem's
/// arguments and results, in the order of the program's, and of its workspace,
/// aligned to 256 bytes, of `plan.workspace.bytes` for each problem.
struct GridArrays {
  std::vector<ArrayPointer> arguments = {};
  std::vector<ResultPointer> results = {};
  /// Bytes from one problem to the next, in each argument and each result.
  std::vector<int64_t> problem_strides = {};
  void* workspace = nullptr;
};

/// Returns the parameter of all kernels, which it is copied into.
std::vector<std::byte> grid_parameters(const Program& program,
                                       const GridPlan& plan,
                                       const GridArrays& arrays);

/// Returns the target of GPUs of a compute capability, such as 80.
Target cuda_target(int capability);

/// Generates the module of a program's kernels. The code is the same for all
/// plans with one grid_key().
GeneratedModule generate_grid(const Program& program, const GridPlan& plan,
                              const Target& target);

}  // namespace gramless
