// SPDX-License-Identifier: MIT
// Implements addresses.
#include "gramless/codegen/address.h"

#include <utility>

namespace gramless {
namespace {

/// An integer: the sum of a value, which may be null for 0, and a constant.
struct Offset {
  llvm::Value* value;
  int64_t constant;
};

Offset split(llvm::IRBuilder<>& ir, llvm::Value* index);

Offset split_sum(llvm::IRBuilder<>& ir, llvm::BinaryOperator* sum) {
  const Offset a = split(ir, sum->getOperand(0));
  const Offset b = split(ir, sum->getOperand(1));
  const int64_t constant = a.constant + b.constant;
  if (a.value == nullptr || b.value == nullptr) {
    return {a.value != nullptr ? a.value : b.value, constant};
  }
  const bool is_same =
      a.value == sum->getOperand(0) && b.value == sum->getOperand(1);
  return {is_same ? sum : ir.CreateAdd(a.value, b.value), constant};
}

Offset split_product(llvm::IRBuilder<>& ir, llvm::BinaryOperator* product) {
  Offset a = split(ir, product->getOperand(0));
  Offset b = split(ir, product->getOperand(1));
  if (a.value == nullptr) std::swap(a, b);
  if (b.value != nullptr) return {product, 0};
  if (a.value == nullptr || b.constant == 0) {
    return {nullptr, a.constant * b.constant};
  }
  const auto factor = static_cast<uint64_t>(b.constant);
  llvm::Value* value =
      b.constant == 1 ? a.value : ir.CreateMul(a.value, ir.getInt64(factor));
  return {value, a.constant * b.constant};
}

Offset split(llvm::IRBuilder<>& ir, llvm::Value* index) {
  if (const auto* number = llvm::dyn_cast<llvm::ConstantInt>(index)) {
    return {nullptr, number->getSExtValue()};
  }
  if (auto* operation = llvm::dyn_cast<llvm::BinaryOperator>(index)) {
    switch (operation->getOpcode()) {
      case llvm::Instruction::Add:
        return split_sum(ir, operation);
      case llvm::Instruction::Mul:
        return split_product(ir, operation);
      default:
        break;
    }
  }
  return {index, 0};
}

}  // namespace

llvm::Value* element_address(llvm::IRBuilder<>& ir, llvm::Type* type,
                             llvm::Value* array, llvm::Value* index) {
  const Offset offset = split(ir, index);
  llvm::Value* address = array;
  if (offset.value != nullptr)
    address = ir.CreateGEP(type, address, offset.value);
  if (offset.constant == 0) return address;
  return ir.CreateGEP(type, address,
                      ir.getInt64(static_cast<uint64_t>(offset.constant)));
}

}  // namespace gramless
