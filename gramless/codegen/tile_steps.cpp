// SPDX-License-Identifier: MIT
// Implements the loops over a block.
#include "gramless/codegen/tile_steps.h"

#include <cstddef>

#include "gramless/codegen/sweep_code.h"

namespace gramless {

TileSteps::TileSteps(GeneratedModule& generated, const Program& program,
                     const TileShape& shape, const char* name)
    : program_(program),
      shape_(shape),
      function_(declare(generated, name)),
      ahead_(llvm::BasicBlock::Create(*generated.context, "entry", function_)),
      ir_(llvm::BasicBlock::Create(*generated.context, "blocks", function_)),
      math_(ir_, generated.target),
      memory_(ir_, shape),
      reductions_(ir_, math_, memory_, {shape, generated.target}),
      type_(memory_.register_of(memory_.number())),
      extents_(ahead_, program, shape, function_->getArg(0)),
      count_(
          field(1, offsetof(TilePanels, reduced_count), ahead_.getInt64Ty())),
      first_(
          field(1, offsetof(TilePanels, reduced_first), ahead_.getInt64Ty())),
      words_(field(2, offsetof(TileStates, words), ahead_.getPtrTy())),
      shared_words_(field(2, offsetof(TileStates, shared), ahead_.getPtrTy())),
      word_stride_(
          field(2, offsetof(TileStates, word_stride), ahead_.getInt64Ty())),
      block_(field(2, offsetof(TileStates, block), ahead_.getPtrTy())),
      scratch_(field(2, offsetof(TileStates, scratch), ahead_.getPtrTy())),
      crossed_(field(2, offsetof(TileStates, crossed), ahead_.getPtrTy())),
      kept_count_(
          field(1, offsetof(TilePanels, kept_count), ahead_.getInt64Ty())),
      packed_(ahead_, ir_, program, shape, extents_,
              {field(1, offsetof(TilePanels, call), ahead_.getPtrTy()),
               field(1, offsetof(TilePanels, kept), ahead_.getPtrTy()),
               field(1, offsetof(TilePanels, reduced), ahead_.getPtrTy()),
               field(1, offsetof(TilePanels, reduced_element_stride),
                     ahead_.getInt64Ty()),
               generated.target.is_cuda ? kPanelAlignment : 0}) {}

llvm::Function* TileSteps::declare(GeneratedModule& generated,
                                   const char* name) {
  llvm::LLVMContext& context = *generated.context;
  llvm::Type* pointer = llvm::PointerType::get(context, 0);
  return add_function(
      generated, name,
      llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                              std::vector<llvm::Type*>(3, pointer), false));
}

/// Loads a field of TilePanels or TileStates, in front of all loops.
llvm::Value* TileSteps::field(unsigned argument, std::size_t offset,
                              llvm::Type* type) {
  return load_field(ahead_, function_->getArg(argument), offset, type);
}

void TileSteps::finish(llvm::BasicBlock* first) {
  ir_.CreateRetVoid();
  ahead_.CreateBr(first);
}

Registers TileSteps::run(const BlockRange& range, const Registers& initial,
                         const Body& body, const StoredPairs* stored,
                         const Environment& environment) {
  const auto run_step = [&](const TileStep& step, llvm::Value* address,
                            const Registers& carried) {
    BlockCode* itself = nullptr;
    const auto input = [&](int value, const Environment&) {
      const Instruction& instruction =
          program_.instructions[static_cast<std::size_t>(value)];
      return instruction.rate == Rate::pair
                 ? stored->load(value, step)
                 : packed_.at(value, {itself, address, step.registers});
    };
    BlockCode code(
        ir_, math_,
        {&program_, shape_of(step), type_, Rate::pair, &extents_, input,
         stored == nullptr ? nullptr : &stored->is_stored, environment});
    itself = &code;
    return body(code, step, carried);
  };
  if (range.length > 0) {
    const TileStep step{range.begin, static_cast<int>(range.length / unit()),
                        nullptr};
    return run_step(step, packed_.address_of(range.begin), initial);
  }
  const auto steps = [&](llvm::Value* begin, llvm::Value* end, int registers,
                         bool has_mask, const Registers& before) {
    const int64_t length = unit() * registers;
    Registers entering = before;
    entering.push_back(packed_.address_of(begin));
    Registers leaving = emit_loop(
        ir_, {begin, end, ir_.getInt64(static_cast<uint64_t>(length))},
        entering, [&](llvm::Value* index, Registers carried) {
          llvm::Value* address = carried.back();
          carried.pop_back();
          const TileStep step{index, registers,
                              has_mask ? lanes_below(index, end) : nullptr};
          Registers after = run_step(step, address, carried);
          after.push_back(packed_.address_behind(address, length));
          return after;
        });
    leaving.pop_back();
    return leaving;
  };
  if (shape_.reduced_unroll == 1 && shape_.lanes_along_kept) {
    return steps(range.begin, range.end, 1, false, initial);
  }
  const auto whole = static_cast<uint64_t>(unit() * shape_.reduced_unroll);
  llvm::Value* rest = ir_.CreateURem(ir_.CreateSub(range.end, range.begin),
                                     ir_.getInt64(whole));
  llvm::Value* next = ir_.CreateSub(range.end, rest);
  const Registers sums =
      steps(range.begin, next, shape_.reduced_unroll, false, initial);
  return steps(next, range.end, 1, !shape_.lanes_along_kept, sums);
}

void TileSteps::add_terms(const ProgramOutput& output, BlockCode& code,
                          const TileStep& step, std::span<llvm::Value*> sums) {
  const BlockCode::Product term = code.product_of(output.value);
  const TileShape shape = shape_of(step);
  const bool is_product = !term.second.registers.empty();
  for (int row = 0; row < shape.kept_unroll; ++row) {
    llvm::Value*& sum = sums[static_cast<std::size_t>(row)];
    for (int reduced = 0; reduced < step.registers; ++reduced) {
      llvm::Value* after = reductions_.add(
          output.reduction, {sum},
          {term.first.at(row, reduced, shape),
           is_product ? term.second.at(row, reduced, shape) : nullptr,
           nullptr})[0];
      sum = step.mask == nullptr ? after
                                 : ir_.CreateSelect(step.mask, after, sum);
    }
  }
}

void TileSteps::for_each_kept(
    std::span<const Axis> axes, const Use& use,
    const std::function<void(BlockCode& code, const BlockValue& value)>& body) {
  with_kept_code({}, [&](BlockCode& code) {
    code.for_each_position(axes, {}, [&] { body(code, code.value(use)); });
  });
}

BlockValue TileSteps::kept_value(const Use& use,
                                 const Environment& environment) {
  BlockValue value;
  with_kept_code(environment,
                 [&](BlockCode& code) { value = code.value(use); });
  return value;
}

void TileSteps::with_kept_code(
    const Environment& environment,
    const std::function<void(BlockCode& code)>& body) {
  TileShape shape = shape_;
  shape.longest_unrolled = 0;
  BlockCode* itself = nullptr;
  const auto input = [&](int value, const Environment&) {
    return packed_.at(value, {itself, nullptr, 1});
  };
  BlockCode code(ir_, math_,
                 {&program_, shape, type_, Rate::pair, &extents_, input,
                  nullptr, environment});
  itself = &code;
  body(code);
}

BlockCode TileSteps::code_around() {
  TileShape shape = shape_;
  shape.longest_unrolled = 0;
  return {ir_,
          math_,
          {&program_, shape, type_, Rate::pair, &extents_, {}, nullptr, {}}};
}

llvm::Value* TileSteps::lanes_below(llvm::Value* index, llvm::Value* end) {
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

llvm::Value* TileSteps::kept_mask() {
  if (!shape_.lanes_along_kept) return nullptr;
  return lanes_below(ir_.getInt64(0), kept_count_);
}

llvm::Value* TileSteps::does_row_count(std::size_t row) {
  llvm::Value* first =
      field(1, offsetof(TilePanels, kept_first), ahead_.getInt64Ty());
  return ahead_.CreateICmpSGE(ahead_.getInt64(row), first);
}

llvm::Value* TileSteps::positions(const TileStep& step, llvm::Value* begin,
                                  int reduced) {
  const unsigned bits = shape_.dtype == DType::float32 ? 32 : 64;
  llvm::Type* type = ir_.getIntNTy(bits);
  llvm::Value* first =
      ir_.CreateAdd(ir_.CreateSub(step.index, begin),
                    ir_.getInt64(static_cast<uint64_t>(reduced * unit())));
  first = memory_.splat(ir_.CreateTrunc(first, type));
  if (shape_.lanes_along_kept || shape_.lanes == 1) return first;
  llvm::SmallVector<llvm::Constant*, 16> lanes;
  for (int lane = 0; lane < shape_.lanes; ++lane) {
    lanes.push_back(llvm::ConstantInt::get(type, static_cast<uint64_t>(lane)));
  }
  return ir_.CreateAdd(first, llvm::ConstantVector::get(lanes));
}

WordAddress TileSteps::words_at(llvm::Value* index) {
  return words_from(words_, index);
}

WordAddress TileSteps::shared_words_at(llvm::Value* index) {
  return words_from(shared_words_, index);
}

WordAddress TileSteps::words_from(llvm::Value* words, llvm::Value* index) {
  llvm::Value* start =
      ir_.CreateMul(index, ir_.getInt64(static_cast<uint64_t>(shape_.lanes)));
  return [this, words, start](std::size_t word) {
    llvm::Value* plane = ir_.CreateMul(word_stride_, ir_.getInt64(word));
    return ir_.CreateGEP(ir_.getDoubleTy(), words, ir_.CreateAdd(start, plane));
  };
}

}  // namespace gramless
