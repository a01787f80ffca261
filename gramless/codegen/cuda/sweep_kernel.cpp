// SPDX-License-Identifier: MIT
// Emits the kernel that goes over all pairs: see plan/grid_plan.h.
#include <cstddef>

#include "gramless/codegen/cuda/grid_code.h"
#include "gramless/codegen/cuda/kernel_code.h"

namespace gramless {
namespace {

/// A kernel of one thread.
class CallKernel : KernelCode {
 public:
  CallKernel(GeneratedModule& generated, const Program& program,
             const GridPlan& plan)
      : KernelCode(generated, program, plan, kCallKernel) {}

  void emit() {
    llvm::Value* none = llvm::ConstantPointerNull::get(ir_.getPtrTy());
    call(kPackCall, {arguments(), extents(), none,
                     workspace_at(offsetof(GridParameters, layout.call)),
                     number(0), number(1), number(1), number(0)});
    ir_.CreateRetVoid();
  }
};

class SweepKernel : KernelCode {
 public:
  SweepKernel(GeneratedModule& generated, const Program& program,
              const GridPlan& plan)
      : KernelCode(generated, program, plan, kSweepKernel),
        rows_(plan.tile.kept_unroll),
        panel_stride_(plan.tile.panel_stride(
            packed_elements(program, reduced_rate(program)))),
        kept_width_(kept_width(program)),
        shared_width_(shared_width(program)),
        word_stride_(rows_ * kept_width_ + shared_width_) {}

  void emit() {
    thread_ = thread();
    find_memory();
    pack_call();
    for_each_element(
        Kept::neither, [&](const ProgramOutput& output, llvm::Value* element) {
          reductions_.clear(output.reduction, state_of_sum(element));
        });
    for_each(block_x(), parameter(offsetof(GridParameters, tiles)), blocks_x(),
             [&](llvm::Value* tile) { emit_rows(tile); });
    emit_sums();
    ir_.CreateRetVoid();
  }

 private:
  // Memory.

  void find_memory() {
    llvm::Value* own_of_block = nullptr;
    if (plan_.block_bytes() > 0) {
      llvm::Value* block =
          ir_.CreateAdd(block_x(), ir_.CreateMul(blocks_x(), block_y()));
      own_of_block =
          bytes_behind(workspace_at(offsetof(GridParameters, layout.blocks)),
                       ir_.CreateMul(block, number(plan_.block_bytes())));
    }
    call_ = plan_.is_call_in_workspace
                ? workspace_at(offsetof(GridParameters, layout.call))
                : shared_at(0);
    panel_ = plan_.is_panel_in_workspace ? own_of_block
                                         : shared_at(plan_.shared_call_bytes());
    if (plan_.is_own_in_workspace) {
      const int64_t panel = plan_.is_panel_in_workspace ? plan_.panel_bytes : 0;
      llvm::Value* before = ir_.CreateAdd(
          number(panel), ir_.CreateMul(thread_, number(plan_.own.bytes())));
      own_of_thread_ = bytes_behind(own_of_block, before);
    }
    kept_ = take_own(plan_.own.kept);
    words_ = take_own(plan_.own.words);
    block_ = take_own(plan_.own.block);
    scratch_ = take_own(plan_.own.scratch);
    panels_ = allocate(sizeof(TilePanels));
    states_ = allocate(sizeof(TileStates));
    tile_rows_ = allocate(sizeof(TileRows));
  }

  /// Returns some memory of the thread.
  llvm::Value* take_own(int64_t bytes) {
    if (!plan_.is_own_in_workspace) return allocate(bytes);
    llvm::Value* taken = own_of_thread_;
    own_of_thread_ = bytes_behind(taken, number(bytes));
    return taken;
  }

  void pack_call() {
    if (plan_.is_call_in_workspace || plan_.call_bytes == 0) return;
    llvm::Value* none = llvm::ConstantPointerNull::get(ir_.getPtrTy());
    emit_if(ir_.CreateICmpEQ(thread_, number(0)), [&] {
      call(kPackCall, {arguments(), extents(), none, call_, number(0),
                       number(1), number(1), number(0)});
    });
    synchronize();
  }

  // States. Those of rows stand in front of those of sums over the rows.

  WordAddress state_at(llvm::Value* index) {
    return [this, index](std::size_t word) {
      const int64_t plane = static_cast<int64_t>(word) * word_stride_;
      return word_behind(words_, ir_.CreateAdd(index, number(plane)));
    };
  }

  WordAddress state_of_sum(llvm::Value* element) {
    return state_at(ir_.CreateAdd(element, number(rows_ * kept_width_)));
  }

  llvm::Value* index_of(llvm::Value* element, llvm::Value* row) {
    return ir_.CreateAdd(ir_.CreateMul(element, number(rows_)), row);
  }

  // The loops.

  /// Emits a tile of the block's rows. A thread at the end takes rows of the
  /// one before it rather than none: it stores the same results there.
  void emit_rows(llvm::Value* tile) {
    llvm::Value* first = ir_.CreateMul(
        ir_.CreateAdd(ir_.CreateMul(tile, number(plan_.threads)), thread_),
        number(rows_));
    llvm::Value* last =
        ir_.CreateSub(parameter(offsetof(GridParameters, kept)), number(rows_));
    first_ = ir_.CreateSelect(ir_.CreateICmpSLT(first, last), first, last);
    kept_first_ = ir_.CreateSub(first, first_);
    call(kPackKept, {arguments(), extents(), call_, kept_, first_,
                     number(rows_), number(rows_), number(1)});
    for_each_element(program_.kept, [&](const ProgramOutput& output,
                                        llvm::Value* element) {
      for_each(rows_, [&](llvm::Value* row) {
        reductions_.clear(output.reduction, state_at(index_of(element, row)));
      });
    });
    llvm::Value* begin = ir_.CreateMul(
        block_y(), parameter(offsetof(GridParameters, split_length)));
    llvm::Value* end = smaller(
        ir_.CreateAdd(begin, parameter(offsetof(GridParameters, split_length))),
        parameter(offsetof(GridParameters, reduced)));
    llvm::Value* chunk = parameter(offsetof(GridParameters, chunk));
    for_each(begin, end, chunk, [&](llvm::Value* position) {
      emit_chunk(position, smaller(chunk, ir_.CreateSub(end, position)));
    });
    if (kept_width_ > 0) emit_results();
  }

  llvm::Value* smaller(llvm::Value* a, llvm::Value* b) {
    return ir_.CreateSelect(ir_.CreateICmpSLT(a, b), a, b);
  }

  void emit_chunk(llvm::Value* position, llvm::Value* count) {
    synchronize();
    llvm::Value* arrays = arguments();
    for_each(thread_, count, number(plan_.threads), [&](llvm::Value* at) {
      llvm::Value* numbers = ir_.CreateMul(at, number(panel_stride_));
      call(kPackReduced,
           {arrays, extents(), call_, memory_.number_at(panel_, numbers),
            ir_.CreateAdd(position, at), number(1), number(1),
            number(panel_stride_)});
    });
    synchronize();
    set_field(panels_, offsetof(TilePanels, call), call_);
    set_field(panels_, offsetof(TilePanels, kept), kept_);
    set_field(panels_, offsetof(TilePanels, reduced), panel_);
    set_field(panels_, offsetof(TilePanels, reduced_count), count);
    set_field(panels_, offsetof(TilePanels, reduced_element_stride), number(1));
    set_field(panels_, offsetof(TilePanels, reduced_first), position);
    set_field(panels_, offsetof(TilePanels, kept_first), kept_first_);
    set_states();
    set_field(states_, offsetof(TileStates, shared),
              word_behind(words_, number(rows_ * kept_width_)));
    set_field(states_, offsetof(TileStates, block), block_);
    set_field(states_, offsetof(TileStates, scratch), scratch_);
    call(kTile, {extents(), panels_, states_});
  }

  void set_states() {
    set_field(states_, offsetof(TileStates, words), words_);
    set_field(states_, offsetof(TileStates, word_stride), number(word_stride_));
  }

  // The results.

  void emit_results() {
    if (plan_.splits > 1) {
      keep_states();
      return;
    }
    set_states();
    set_field(tile_rows_, offsetof(TileRows, first), first_);
    set_field(tile_rows_, offsetof(TileRows, count), number(rows_));
    set_field(tile_rows_, offsetof(TileRows, all), number(rows_));
    call(kStore, {extents(), states_, tile_rows_, results()});
  }

  /// Stores partial states, by part, word, element and row.
  void keep_states() {
    llvm::Value* kept = parameter(offsetof(GridParameters, kept));
    llvm::Value* states = workspace_at(offsetof(GridParameters, layout.states));
    for_each_element(program_.kept, [&](const ProgramOutput& output,
                                        llvm::Value* element) {
      for_each(rows_, [&](llvm::Value* row) {
        const auto place = [&](std::size_t word) {
          llvm::Value* plane = ir_.CreateAdd(
              ir_.CreateMul(block_y(), number(state_words(program_))),
              ir_.getInt64(word));
          llvm::Value* line =
              ir_.CreateAdd(ir_.CreateMul(plane, number(kept_width_)), element);
          return word_behind(states, ir_.CreateAdd(ir_.CreateMul(line, kept),
                                                   ir_.CreateAdd(first_, row)));
        };
        reductions_.copy(output.reduction, state_at(index_of(element, row)),
                         place);
      });
    });
  }

  /// Stores the block's sums over the rows, by word, element and block.
  void emit_sums() {
    for_each_element(
        Kept::neither, [&](const ProgramOutput& output, llvm::Value* element) {
          merge_threads(output.reduction, state_of_sum(element));
          emit_if(ir_.CreateICmpEQ(thread_, number(0)), [&] {
            llvm::Value* block =
                ir_.CreateAdd(block_x(), ir_.CreateMul(blocks_x(), block_y()));
            reductions_.copy(output.reduction, merged_state(),
                             partial_sum(element, block));
          });
        });
  }

  int64_t rows_;
  int64_t panel_stride_;
  int64_t kept_width_;
  int64_t shared_width_;
  int64_t word_stride_;
  llvm::Value* thread_ = nullptr;
  llvm::Value* call_ = nullptr;
  llvm::Value* panel_ = nullptr;
  llvm::Value* own_of_thread_ = nullptr;
  llvm::Value* kept_ = nullptr;
  llvm::Value* words_ = nullptr;
  llvm::Value* block_ = nullptr;
  llvm::Value* scratch_ = nullptr;
  llvm::Value* panels_ = nullptr;
  llvm::Value* states_ = nullptr;
  llvm::Value* tile_rows_ = nullptr;
  /// The first row of the thread, and the first of its rows that counts in sums
  /// over the rows.
  llvm::Value* first_ = nullptr;
  llvm::Value* kept_first_ = nullptr;
};

}  // namespace

void emit_call_kernel(GeneratedModule& generated, const Program& program,
                      const GridPlan& plan) {
  CallKernel(generated, program, plan).emit();
}

void emit_sweep_kernel(GeneratedModule& generated, const Program& program,
                       const GridPlan& plan) {
  SweepKernel(generated, program, plan).emit();
}

}  // namespace gramless
