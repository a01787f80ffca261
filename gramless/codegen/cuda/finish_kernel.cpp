// SPDX-License-Identifier: MIT
// Emits the kernel that merges partial states
//
//   of rows, one thread for each row: the parts of the reduced axis in order
//   of sums over the rows, in the first block: some blocks' for each thread,
//     then those of the threads, in order
//
// and makes results of them.
#include <cstddef>

#include "gramless/codegen/cuda/grid_code.h"
#include "gramless/codegen/cuda/kernel_code.h"

namespace gramless {
namespace {

class FinishKernel : KernelCode {
 public:
  FinishKernel(GeneratedModule& generated, const Program& program,
               const GridPlan& plan)
      : KernelCode(generated, program, plan, kFinishKernel) {}

  void emit() {
    thread_ = thread();
    states_ = allocate(sizeof(TileStates));
    rows_ = allocate(sizeof(TileRows));
    if (has_partial_rows(program_, plan_)) {
      llvm::Value* first = ir_.CreateAdd(
          ir_.CreateMul(block_x(), number(plan_.threads)), thread_);
      for_each(first, parameter(offsetof(GridParameters, kept)),
               ir_.CreateMul(blocks_x(), number(plan_.threads)),
               [&](llvm::Value* row) { emit_row(row); });
    }
    if (shared_width(program_) > 0) {
      emit_if(ir_.CreateICmpEQ(block_x(), number(0)), [&] { emit_sums(); });
    }
    ir_.CreateRetVoid();
  }

 private:
  void emit_row(llvm::Value* row) {
    llvm::Value* kept = parameter(offsetof(GridParameters, kept));
    llvm::Value* plane = ir_.CreateMul(kept, number(kept_width(program_)));
    llvm::Value* part = ir_.CreateMul(plane, number(state_words(program_)));
    llvm::Value* states =
        word_behind(workspace_at(offsetof(GridParameters, layout.states)), row);
    for_each_element(
        program_.kept, [&](const ProgramOutput& output, llvm::Value* element) {
          llvm::Value* first = ir_.CreateMul(element, kept);
          const auto state_at = [&](llvm::Value* start) {
            return [=, this](std::size_t word) {
              llvm::Value* behind = ir_.CreateMul(plane, ir_.getInt64(word));
              return word_behind(states, ir_.CreateAdd(start, behind));
            };
          };
          for_each(number(1), parameter(offsetof(GridParameters, splits)),
                   number(1), [&](llvm::Value* split) {
                     llvm::Value* start =
                         ir_.CreateAdd(ir_.CreateMul(split, part), first);
                     reductions_.merge(output.reduction, state_at(start),
                                       state_at(first));
                   });
        });
    store(kStore, {states, plane, row, kept});
  }

  void emit_sums() {
    llvm::Value* partials = parameter(offsetof(GridParameters, partials));
    llvm::Value* own = allocate(int64_t{kMostWords} * 8);
    const WordAddress state = [&](std::size_t word) {
      return word_behind(own, ir_.getInt64(word));
    };
    for_each_element(
        Kept::neither, [&](const ProgramOutput& output, llvm::Value* element) {
          reductions_.clear(output.reduction, state);
          for_each(thread_, partials, number(plan_.threads),
                   [&](llvm::Value* block) {
                     reductions_.merge(output.reduction,
                                       partial_sum(element, block), state);
                   });
          merge_threads(output.reduction, state);
          emit_if(ir_.CreateICmpEQ(thread_, number(0)), [&] {
            reductions_.copy(output.reduction, merged_state(),
                             partial_sum(element, number(0)));
          });
        });
    emit_if(ir_.CreateICmpEQ(thread_, number(0)), [&] {
      llvm::Value* places = parameter(offsetof(GridParameters, partial_places));
      store(kStoreSums, {workspace_at(offsetof(GridParameters, layout.sums)),
                         ir_.CreateMul(places, number(shared_width(program_))),
                         number(0), places});
    });
  }

  /// States of one row: their words, how far apart they are, and the rows.
  struct Stored {
    llvm::Value* words;
    llvm::Value* word_stride;
    llvm::Value* first;
    llvm::Value* all;
  };

  void store(const char* function, const Stored& stored) {
    set_field(states_, offsetof(TileStates, words), stored.words);
    set_field(states_, offsetof(TileStates, word_stride), stored.word_stride);
    set_field(rows_, offsetof(TileRows, first), stored.first);
    set_field(rows_, offsetof(TileRows, count), number(1));
    set_field(rows_, offsetof(TileRows, all), stored.all);
    call(function, {extents(), states_, rows_, results()});
  }

  llvm::Value* thread_ = nullptr;
  llvm::Value* states_ = nullptr;
  llvm::Value* rows_ = nullptr;
};

}  // namespace

void emit_finish_kernel(GeneratedModule& generated, const Program& program,
                        const GridPlan& plan) {
  FinishKernel(generated, program, plan).emit();
}

}  // namespace gramless
