// SPDX-License-Identifier: MIT
// What the kernels of a sweep have: their parameter, the arrays and the
// workspace of their block's problem, and the states of its threads.
#pragma once

#include <functional>

#include "gramless/codegen/cuda/kernel_frame.h"
#include "gramless/codegen/reduction_code.h"
#include "gramless/codegen/sweep_code.h"
#include "gramless/plan/grid_plan.h"

namespace gramless {

/// The start of the kernels' parameter: see ParameterLayout for what is behind
/// it. The workspace is that of the first problem, and those of the others
/// follow it, as far apart as they have bytes.
struct GridParameters {
  void* workspace = nullptr;
  int64_t kept = 0;
  int64_t reduced = 0;
  int64_t tiles = 0;
  int64_t chunk = 0;
  int64_t splits = 0;
  int64_t split_length = 0;
  /// Blocks of the sweep that have sums over the rows, and the places of them.
  int64_t partials = 0;
  int64_t partial_places = 0;
  WorkspaceLayout layout;
};

/// Where in the kernels' parameter are an ArrayPointer for each argument, a
/// ResultPointer for each result, of the first problem, the bytes from one
/// problem to the next in each of these arrays, and the extents of long_axes().
struct ParameterLayout {
  std::size_t arguments = 0;
  std::size_t results = 0;
  std::size_t problem_strides = 0;
  std::size_t extents = 0;
  std::size_t bytes = 0;
};
ParameterLayout parameter_layout(const Program& program, const GridPlan& plan);

/// The name of the function that stores the results of outputs that keep no
/// axis.
inline constexpr const char* kStoreSums = "store_sums";

class KernelCode : protected KernelFrame {
 public:
  /// Starts a kernel of a name.
  KernelCode(GeneratedModule& generated, const Program& program,
             const GridPlan& plan, const char* name);

 protected:
  /// Returns the address of what starts so many bytes behind the problem's
  /// workspace, as a number of GridParameters says.
  llvm::Value* workspace_at(std::size_t offset);
  /// Return the pointers to arrays of the block's problem. They are computed
  /// where this is called, in front of a loop over pairs or behind it: kept
  /// from the start of the kernel on, they would take registers of that loop.
  llvm::Value* arguments();
  llvm::Value* results();
  llvm::Value* extents();

  /// Merges the states of all threads of a block in the order of the threads.
  /// The first thread finds the result at `merged_state()`.
  void merge_threads(Reduction reduction, const WordAddress& own);
  WordAddress merged_state() { return state_of(number(0)); }
  /// Returns where a block's sum over the rows is.
  WordAddress partial_sum(llvm::Value* element, llvm::Value* block);

  /// Calls `body` for each element of outputs that keep some axis, or none,
  /// with its index among them.
  void for_each_element(Kept kept,
                        const std::function<void(const ProgramOutput& output,
                                                 llvm::Value* element)>& body);

  const Program& program_;
  const GridPlan& plan_;
  VectorMath math_;
  TileMemory memory_;
  ReductionCode reductions_;

 private:
  /// Returns such pointers, of which the parameter has those of the first
  /// problem, and strides.
  llvm::Value* own_arrays(std::size_t pointers, std::size_t strides,
                          std::size_t count);
  /// Returns where merge_threads() has the state of a thread.
  WordAddress state_of(llvm::Value* thread);

  llvm::Value* problem_;
};

/// Returns whether several blocks share a row.
bool has_partial_rows(const Program& program, const GridPlan& plan);

/// Emit the kernels. The functions of the sweep are in the module.
void emit_call_kernel(GeneratedModule& generated, const Program& program,
                      const GridPlan& plan);
void emit_sweep_kernel(GeneratedModule& generated, const Program& program,
                       const GridPlan& plan);
void emit_finish_kernel(GeneratedModule& generated, const Program& program,
                        const GridPlan& plan);

}  // namespace gramless
