// SPDX-License-Identifier: MIT
// Implements the loads of packed values.
#include "gramless/codegen/packed_values.h"

#include <algorithm>
#include <numeric>

#include "gramless/codegen/address.h"
#include "gramless/codegen/sweep_code.h"

namespace gramless {
namespace {

/// Registers of kept values that are loaded once for a tile.
constexpr int64_t kMostKeptRegisters = 12;

/// Returns whether the kept values of a tile are loaded once. The extents of
/// long axes must not decide it: programs that differ in them share code.
bool are_few(const Program& program, const TileShape& shape) {
  // What is read once for a block needs no register.
  Program terms = program;
  for (ProgramOutput& output : terms.outputs) output.factor.reset();
  int64_t elements = 0;
  for (const int value : packed_values(terms, kept_rate(program))) {
    const std::vector<Axis>& axes =
        program.instructions[static_cast<std::size_t>(value)].axes;
    int64_t product = 1;
    for (const Axis& axis : axes) {
      if (!shape.is_unrolled(axis)) return false;
      product *= axis.extent;
    }
    elements += product;
  }
  return elements * shape.kept_unroll <= kMostKeptRegisters;
}

/// Returns how a number, or the numbers of a vector, are aligned.
llvm::Align alignment_of(llvm::Type* type) {
  return llvm::Align(type->getScalarSizeInBits() / 8);
}

}  // namespace

TileMemory::TileMemory(llvm::IRBuilder<>& ir, const TileShape& shape)
    : ir_(ir),
      shape_(shape),
      number_(scalar_type(ir.getContext(), shape.dtype)) {}

llvm::Type* TileMemory::register_of(llvm::Type* number) const {
  if (shape_.lanes == 1) return number;
  return llvm::FixedVectorType::get(number,
                                    static_cast<unsigned>(shape_.lanes));
}

llvm::Value* TileMemory::load(llvm::Type* type, llvm::Value* address,
                              uint64_t bytes) {
  const llvm::Align alignment = alignment_of(type);
  return ir_.CreateAlignedLoad(
      type, address,
      bytes > alignment.value() ? llvm::Align(bytes) : alignment);
}

void TileMemory::store(llvm::Value* value, llvm::Value* address) {
  ir_.CreateAlignedStore(value, address, alignment_of(value->getType()));
}

llvm::Value* TileMemory::number_at(llvm::Value* array, llvm::Value* index) {
  return element_address(ir_, number_, array, index);
}

llvm::Value* TileMemory::register_at(llvm::Value* array, llvm::Value* index) {
  return number_at(
      array,
      ir_.CreateMul(index, ir_.getInt64(static_cast<uint64_t>(shape_.lanes))));
}

llvm::Value* TileMemory::splat(llvm::Value* number) {
  if (shape_.lanes == 1) return number;
  return ir_.CreateVectorSplat(static_cast<unsigned>(shape_.lanes), number);
}

PackedValues::PackedValues(llvm::IRBuilder<>& ahead, llvm::IRBuilder<>& ir,
                           const Program& program, const TileShape& shape,
                           const Extents& extents, const Panels& panels)
    : ahead_(ahead),
      ir_(ir),
      program_(program),
      shape_(shape),
      memory_(ir, shape),
      panels_(panels),
      call_(panel_layout(ahead, program, Rate::call, extents)),
      kept_(panel_layout(ahead, program, kept_rate(program), extents)),
      reduced_(panel_layout(ahead, program, reduced_rate(program), extents)),
      are_kept_loaded_once_(are_few(program, shape)) {
  if (shape.panel_multiple == 1) return;
  const auto multiple = static_cast<uint64_t>(shape.panel_multiple);
  llvm::Value* rest =
      ahead.CreateURem(reduced_.elements, ahead.getInt64(multiple));
  llvm::Value* behind =
      ahead.CreateURem(ahead.CreateSub(ahead.getInt64(multiple), rest),
                       ahead.getInt64(multiple));
  reduced_.elements = ahead.CreateAdd(reduced_.elements, behind);
}

BlockValue PackedValues::at(int value, const Step& step) {
  const Instruction& instruction =
      program_.instructions[static_cast<std::size_t>(value)];
  if (instruction.rate == Rate::call) {
    return {{from_call(value, step)}, false, false};
  }
  const bool is_kept = instruction.rate == kept_rate(program_);
  BlockValue result{{}, is_kept, !is_kept};
  const int registers = is_kept ? shape_.kept_unroll : step.registers;
  for (int position = 0; position < registers; ++position) {
    result.registers.push_back(is_kept ? from_kept(value, step, position)
                                       : from_reduced(value, step, position));
  }
  return result;
}

llvm::Value* PackedValues::from_call(int value, const Step& step) {
  const auto load_call = [&] {
    return memory_.splat(memory_.load(
        memory_.number(),
        memory_.number_at(panels_.call, element(call_, value, step))));
  };
  if (step.address == nullptr) return load_call();
  return load_ahead(value, step.code->environment(), load_call);
}

llvm::Value* PackedValues::from_kept(int value, const Step& step,
                                     int position) {
  const auto number = static_cast<uint64_t>(position);
  const auto load_kept = [&]() -> llvm::Value* {
    llvm::Value* at = element(kept_, value, step);
    if (shape_.lanes_along_kept) {
      llvm::Value* index = ir_.CreateAdd(
          ir_.CreateMul(
              at, ir_.getInt64(static_cast<uint64_t>(shape_.kept_unroll))),
          ir_.getInt64(number));
      return memory_.load(memory_.register_of(memory_.number()),
                          memory_.register_at(panels_.kept, index));
    }
    llvm::Value* row = ir_.CreateMul(kept_.elements, ir_.getInt64(number));
    return memory_.splat(
        memory_.load(memory_.number(),
                     memory_.number_at(panels_.kept, ir_.CreateAdd(row, at))));
  };
  if (!are_kept_loaded_once_ || step.address == nullptr) return load_kept();
  Environment key = step.code->environment();
  key[Axis{"register", position, 0}] = ir_.getInt64(number);
  return load_ahead(value, key, load_kept);
}

llvm::Value* PackedValues::position_stride() {
  return shape_.lanes_along_kept ? reduced_.elements : ir_.getInt64(1);
}

llvm::Value* PackedValues::address_of(llvm::Value* position) {
  return memory_.number_at(panels_.reduced,
                           ir_.CreateMul(position, position_stride()));
}

llvm::Value* PackedValues::address_behind(llvm::Value* address,
                                          int64_t positions) {
  llvm::Value* distance = ir_.CreateMul(
      position_stride(), ir_.getInt64(static_cast<uint64_t>(positions)));
  return memory_.number_at(address, distance);
}

llvm::Value* PackedValues::from_reduced(int value, const Step& step,
                                        int position) {
  llvm::Value* at = element(reduced_, value, step);
  const auto behind = static_cast<uint64_t>(position);
  if (shape_.lanes_along_kept) {
    llvm::Value* index = ir_.CreateAdd(
        ir_.CreateMul(reduced_.elements, ir_.getInt64(behind)), at);
    return memory_.splat(memory_.load(memory_.number(),
                                      memory_.number_at(step.address, index),
                                      alignment_behind(index)));
  }
  llvm::Value* index =
      ir_.CreateAdd(ir_.CreateMul(at, panels_.reduced_element_stride),
                    ir_.getInt64(behind * static_cast<uint64_t>(shape_.lanes)));
  return memory_.load(memory_.register_of(memory_.number()),
                      memory_.number_at(step.address, index));
}

uint64_t PackedValues::alignment_behind(llvm::Value* index) const {
  const auto* behind = llvm::dyn_cast<llvm::ConstantInt>(index);
  const auto* elements = llvm::dyn_cast<llvm::ConstantInt>(reduced_.elements);
  const bool is_told = panels_.reduced_alignment > 0;
  if (!is_told || behind == nullptr || elements == nullptr) return 0;
  const auto bytes = static_cast<uint64_t>(dtype_size(shape_.dtype));
  return std::gcd(
      panels_.reduced_alignment,
      bytes * std::gcd(behind->getZExtValue(), elements->getZExtValue()));
}

/// Emits a load in front of all loops, once, if its index is fixed.
llvm::Value* PackedValues::load_ahead(
    int value, const Environment& environment,
    const std::function<llvm::Value*()>& emit) {
  const Instruction& instruction =
      program_.instructions[static_cast<std::size_t>(value)];
  std::pair<int, Registers> key{value, {}};
  for (const auto& [axis, position] : environment) {
    const bool is_used =
        axis.name == "register" ||
        std::count(instruction.axes.begin(), instruction.axes.end(), axis) > 0;
    if (!is_used) continue;
    if (!llvm::isa<llvm::ConstantInt>(position)) return emit();
    key.second.push_back(position);
  }
  llvm::Value*& done = loaded_[key];
  if (done == nullptr) {
    const llvm::IRBuilderBase::InsertPointGuard guard(ir_);
    ir_.SetInsertPoint(ahead_.GetInsertBlock());
    done = emit();
  }
  return done;
}

llvm::Value* PackedValues::element(const PanelLayout& layout, int value,
                                   const Step& step) {
  return ir_.CreateAdd(
      layout.first.at(value),
      step.code->element(
          program_.instructions[static_cast<std::size_t>(value)].axes));
}

}  // namespace gramless
