// SPDX-License-Identifier: MIT
// What all kernels have: their parameter, the threads' places in the grid, the
// memory that they share, and calls of functions of the module.
#pragma once

#include <functional>

#include "gramless/codegen/loops.h"
#include "gramless/codegen/reduction_code.h"
#include "gramless/codegen/sweep_code.h"
#include "gramless/plan/grid_plan.h"

namespace gramless {

/// The start of the kernels' parameter. Behind it are an ArrayPointer for each
/// argument, a ResultPointer for each result, and the extents of long_axes().
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

/// The name of the function that stores the results of outputs that keep no
/// axis.
inline constexpr const char* kStoreSums = "store_sums";

class KernelCode {
 public:
  /// Starts a kernel of a name.
  KernelCode(GeneratedModule& generated, const Program& program,
             const GridPlan& plan, const char* name);

 protected:
  /// Loads a number of GridParameters.
  llvm::Value* parameter(std::size_t offset);
  /// Returns the address of what starts so many bytes behind the workspace, as
  /// a number of GridParameters says.
  llvm::Value* workspace_at(std::size_t offset);
  llvm::Value* arguments();
  llvm::Value* results();
  llvm::Value* extents();

  llvm::Value* thread();
  llvm::Value* block_x();
  llvm::Value* block_y();
  llvm::Value* blocks_x();
  /// Waits for all threads of the block.
  void synchronize();
  /// Returns the memory that the threads of a block share, so many bytes behind
  /// its start.
  llvm::Value* shared_at(int64_t bytes);
  /// Returns memory of a thread.
  llvm::Value* allocate(int64_t bytes);
  llvm::Value* bytes_behind(llvm::Value* address, llvm::Value* bytes);
  llvm::Value* word_behind(llvm::Value* address, llvm::Value* words);

  /// Calls a function of the module.
  void call(const char* function, const std::vector<llvm::Value*>& arguments);
  /// Stores a field of a structure that such a function takes.
  void set_field(llvm::Value* structure, std::size_t offset,
                 llvm::Value* value);
  void emit_if(llvm::Value* condition, const std::function<void()>& body);
  using Body = std::function<void(llvm::Value* index)>;
  void for_each(llvm::Value* begin, llvm::Value* end, llvm::Value* step,
                const Body& body);
  /// The same for the range from 0 to a constant.
  void for_each(int64_t count, const Body& body);

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

  llvm::ConstantInt* number(int64_t value);

  GeneratedModule& generated_;
  const Program& program_;
  const GridPlan& plan_;
  llvm::Function* function_;
  llvm::IRBuilder<> ir_;
  VectorMath math_;
  TileMemory memory_;
  ReductionCode reductions_;

 private:
  static llvm::Function* declare(GeneratedModule& generated,
                                 const Program& program, const GridPlan& plan,
                                 const char* name);
  llvm::Value* special_register(llvm::Intrinsic::ID intrinsic);
  llvm::Value* behind_parameters(std::size_t bytes);
  /// Returns where merge_threads() has the state of a thread.
  WordAddress state_of(llvm::Value* thread);
};

/// Returns whether several blocks share a row.
bool has_partial_rows(const Program& program, const GridPlan& plan);

/// Returns the bytes of the kernels' parameter.
std::size_t parameter_bytes(const Program& program, const GridPlan& plan);

/// Emit the kernels. The functions of the sweep are in the module.
void emit_call_kernel(GeneratedModule& generated, const Program& program,
                      const GridPlan& plan);
void emit_sweep_kernel(GeneratedModule& generated, const Program& program,
                       const GridPlan& plan);
void emit_finish_kernel(GeneratedModule& generated, const Program& program,
                        const GridPlan& plan);

}  // namespace gramless
