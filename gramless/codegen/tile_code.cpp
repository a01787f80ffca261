// SPDX-License-Identifier: MIT
// Emits, for each block of at most 64 terms,
//
//   for positions of the reduced axis in the block
//     the values of all pairs of copies, added to the accumulators
//   the accumulators, added to the sums in double precision
//
// Accumulators are registers where there are few, otherwise the memory `block`.
#include "gramless/codegen/tile_code.h"

#include "gramless/codegen/packed_values.h"
#include "gramless/codegen/sweep_code.h"

namespace gramless {
namespace {

/// Registers that accumulators may take, of the 16 or more that there are.
constexpr int64_t kMostAccumulators = 8;

class TileCode {
 public:
  TileCode(GeneratedModule& generated, const Program& program,
           const TileShape& shape)
      : program_(program),
        shape_(shape),
        function_(declare(generated)),
        entry_(
            llvm::BasicBlock::Create(*generated.context, "entry", function_)),
        ahead_(entry_),
        ir_(llvm::BasicBlock::Create(*generated.context, "blocks", function_)),
        math_(ir_, generated.target),
        memory_(ir_, shape),
        type_(memory_.register_of(memory_.number())),
        extents_(ahead_, program, shape, function_->getArg(0)),
        count_(field(3, ahead_.getInt64Ty())),
        packed_(ahead_, ir_, program, shape, extents_,
                {field(0, ahead_.getPtrTy()), field(1, ahead_.getPtrTy()),
                 field(2, ahead_.getPtrTy()), field(4, ahead_.getInt64Ty())}) {
    lay_out_columns();
  }

  void emit() {
    llvm::BasicBlock* blocks = ir_.GetInsertBlock();
    llvm::Value* length = ir_.getInt64(static_cast<uint64_t>(shape_.block()));
    emit_loop(ir_, {ir_.getInt64(0), count_, length}, {},
              [&](llvm::Value* begin, const Registers&) -> Registers {
                llvm::Value* end = ir_.CreateAdd(begin, length);
                llvm::Value* is_last = ir_.CreateICmpSGT(end, count_);
                emit_block(begin, ir_.CreateSelect(is_last, count_, end));
                return {};
              });
    ir_.CreateRetVoid();
    ahead_.CreateBr(blocks);
  }

 private:
  static llvm::Function* declare(GeneratedModule& generated) {
    llvm::LLVMContext& context = *generated.context;
    llvm::Type* pointer = llvm::PointerType::get(context, 0);
    return add_function(
        generated, kTile,
        llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                std::vector<llvm::Type*>(5, pointer), false));
  }

  /// Loads a field of TilePanels, each of 8 bytes.
  llvm::Value* field(uint64_t position, llvm::Type* type) {
    return ahead_.CreateLoad(
        type, ahead_.CreateConstGEP1_64(ahead_.getInt64Ty(),
                                        function_->getArg(1), position));
  }

  /// Finds the first column of each output, and whether all accumulators are
  /// registers.
  void lay_out_columns() {
    columns_ = ahead_.getInt64(0);
    bool is_fixed = true;
    int64_t registers = 0;
    for (const ProgramOutput& output : program_.outputs) {
      first_columns_.push_back(columns_);
      llvm::Value* columns = ahead_.getInt64(1);
      const ArraySpec& array = program_.results[output.output];
      for (const Axis& axis : array.features) {
        columns = ahead_.CreateMul(columns, extents_.of(axis));
        is_fixed = is_fixed && shape_.is_unrolled(axis);
      }
      if (is_fixed) registers += array.columns() * shape_.kept_copies;
      columns_ = ahead_.CreateAdd(columns_, columns);
    }
    in_registers_ = is_fixed && registers <= kMostAccumulators;
    accumulators_ = in_registers_ ? static_cast<std::size_t>(registers) : 0;
  }

  void emit_block(llvm::Value* begin, llvm::Value* end) {
    Registers sums(accumulators_, identity());
    const int64_t unit = shape_.lanes_along_kept ? 1 : shape_.lanes;
    llvm::Value* next = begin;
    if (shape_.reduced_copies > 1 || !shape_.lanes_along_kept) {
      // All copies and lanes are used up to the last whole step.
      const auto step = static_cast<uint64_t>(unit * shape_.reduced_copies);
      llvm::Value* rest =
          ir_.CreateURem(ir_.CreateSub(end, begin), ir_.getInt64(step));
      next = ir_.CreateSub(end, rest);
      sums = emit_steps({begin, next, ir_.getInt64(step)},
                        shape_.reduced_copies, nullptr, sums);
    }
    const auto step = static_cast<uint64_t>(unit);
    sums = emit_steps({next, end, ir_.getInt64(step)}, 1,
                      shape_.lanes_along_kept ? nullptr : end, sums);
    for (std::size_t k = 0; k < sums.size(); ++k) {
      memory_.store(sums[k], memory_.register_at(block(), ir_.getInt64(k)));
    }
    emit_flush();
  }

  /// Emits the loop over a range. Where `end` is given, lanes at and behind it
  /// do not count.
  Registers emit_steps(const LoopRange& range, int copies, llvm::Value* end,
                       const Registers& initial) {
    return emit_loop(
        ir_, range, initial, [&](llvm::Value* index, const Registers& carried) {
          mask_ = end == nullptr ? nullptr : lanes_below(index, end);
          sums_ = carried;
          TileShape shape = shape_;
          shape.reduced_copies = copies;
          const auto given = [&](int value, const Environment&) {
            return packed_.at(value, {code_, index, copies});
          };
          BlockCode code(
              ir_, math_,
              {&program_, shape, type_, Rate::pair, &extents_, given});
          code_ = &code;
          for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
            emit_output(code, k, copies);
          }
          return sums_;
        });
  }

  llvm::Value* lanes_below(llvm::Value* index, llvm::Value* end) {
    llvm::Value* count = ir_.CreateSub(end, index);
    if (shape_.lanes == 1) return ir_.CreateICmpSGT(count, ir_.getInt64(0));
    llvm::SmallVector<llvm::Constant*, 16> lanes;
    for (int lane = 0; lane < shape_.lanes; ++lane) {
      lanes.push_back(ir_.getInt32(static_cast<uint32_t>(lane)));
    }
    return ir_.CreateICmpSLT(
        llvm::ConstantVector::get(lanes),
        ir_.CreateVectorSplat(static_cast<unsigned>(shape_.lanes),
                              ir_.CreateTrunc(count, ir_.getInt32Ty())));
  }

  void emit_output(BlockCode& code, std::size_t position, int copies) {
    const ProgramOutput& output = program_.outputs[position];
    const std::vector<Axis>& axes = program_.results[output.output].features;
    std::size_t fixed = 0;
    for (std::size_t before = 0; before < position; ++before) {
      fixed += static_cast<std::size_t>(
          program_.results[program_.outputs[before].output].columns());
    }
    code.for_each_position(axes, output.value, [&] {
      const BlockCode::Product term =
          program_.reduction == Reduction::sum
              ? code.product_of(output.value)
              : BlockCode::Product{code.value(output.value), {}};
      const auto rows = static_cast<std::size_t>(shape_.kept_copies);
      for (std::size_t r = 0; r < rows; ++r) {
        const auto add = [&](llvm::Value* total) {
          return add_terms(total, term, static_cast<int>(r), copies);
        };
        if (in_registers_) {
          llvm::Value*& total = sums_[fixed * rows + r];
          total = add(total);
          continue;
        }
        llvm::Value* column =
            ir_.CreateAdd(first_columns_[position], code.cell(axes));
        llvm::Value* place = ir_.CreateAdd(
            ir_.CreateMul(column, ir_.getInt64(rows)), ir_.getInt64(r));
        llvm::Value* address = memory_.register_at(block(), place);
        memory_.store(add(memory_.load(type_, address)), address);
      }
      ++fixed;
    });
  }

  /// Adds the terms of one row, in the order of the reduced axis.
  llvm::Value* add_terms(llvm::Value* total, const BlockCode::Product& term,
                         int row, int copies) {
    TileShape shape = shape_;
    shape.reduced_copies = copies;
    for (int u = 0; u < copies; ++u) {
      llvm::Value* first = term.first.at(row, u, shape);
      llvm::Value* after = nullptr;
      if (program_.reduction == Reduction::max) {
        after = larger(first, total);
      } else if (term.second.registers.empty()) {
        after = ir_.CreateFAdd(total, first);
      } else {
        after = math_.fma(first, term.second.at(row, u, shape), total);
      }
      total = mask_ == nullptr ? after : ir_.CreateSelect(mask_, after, total);
    }
    return total;
  }

  /// Returns term > total ? term : total, which is total if the term is NaN.
  llvm::Value* larger(llvm::Value* term, llvm::Value* total) {
    return ir_.CreateSelect(ir_.CreateFCmpOGT(term, total), term, total);
  }

  llvm::Constant* identity() {
    return llvm::ConstantFP::get(type_, identity_of(program_.reduction));
  }

  /// Adds the block to the sums, and clears it.
  void emit_flush() {
    llvm::Value* registers = ir_.CreateMul(
        columns_, ir_.getInt64(static_cast<uint64_t>(shape_.kept_copies)));
    llvm::Type* wide = memory_.register_of(ir_.getDoubleTy());
    emit_loop(ir_, {ir_.getInt64(0), registers, ir_.getInt64(1)}, {},
              [&](llvm::Value* k, const Registers&) -> Registers {
                llvm::Value* from = memory_.register_at(block(), k);
                llvm::Value* term = memory_.load(type_, from);
                memory_.store(identity(), from);
                llvm::Value* place = ir_.CreateMul(
                    k, ir_.getInt64(static_cast<uint64_t>(shape_.lanes)));
                llvm::Value* sums = ir_.CreateGEP(ir_.getDoubleTy(),
                                                  function_->getArg(3), place);
                llvm::Value* before = memory_.load(wide, sums);
                const bool is_single = shape_.dtype == DType::float32;
                if (is_single) term = ir_.CreateFPExt(term, wide);
                if (program_.reduction == Reduction::max) {
                  memory_.store(larger(term, before), sums);
                  return {};
                }
                if (is_single) {
                  memory_.store(ir_.CreateFAdd(before, term), sums);
                  return {};
                }
                llvm::Value* errors = ir_.CreateGEP(
                    ir_.getDoubleTy(), function_->getArg(4), place);
                add_with_error(before, term, sums, errors);
                return {};
              });
  }

  /// Adds exactly: the sum, and what its rounding lost.
  void add_with_error(llvm::Value* before, llvm::Value* term, llvm::Value* sums,
                      llvm::Value* errors) {
    llvm::Value* sum = ir_.CreateFAdd(before, term);
    llvm::Value* rounded = ir_.CreateFSub(sum, before);
    llvm::Value* lost_before =
        ir_.CreateFSub(before, ir_.CreateFSub(sum, rounded));
    llvm::Value* lost_term = ir_.CreateFSub(term, rounded);
    llvm::Value* error = ir_.CreateFAdd(lost_before, lost_term);
    memory_.store(sum, sums);
    memory_.store(ir_.CreateFAdd(memory_.load(sum->getType(), errors), error),
                  errors);
  }

  llvm::Value* block() { return function_->getArg(2); }

  const Program& program_;
  TileShape shape_;
  llvm::Function* function_;
  llvm::BasicBlock* entry_;
  llvm::IRBuilder<> ahead_;  // In front of all loops.
  llvm::IRBuilder<> ir_;
  VectorMath math_;
  TileMemory memory_;
  llvm::Type* type_;
  Extents extents_;
  llvm::Value* count_;
  PackedValues packed_;
  llvm::Value* columns_ = nullptr;
  std::vector<llvm::Value*> first_columns_;
  bool in_registers_ = false;
  std::size_t accumulators_ = 0;
  llvm::Value* mask_ = nullptr;
  Registers sums_;
  BlockCode* code_ = nullptr;
};

}  // namespace

void emit_tile(GeneratedModule& generated, const Program& program,
               const TileShape& shape) {
  TileCode(generated, program, shape).emit();
}

}  // namespace gramless
