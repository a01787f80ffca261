// SPDX-License-Identifier: MIT
// Counts the instructions that routines emit.
#include "gramless/codegen/cost.h"

#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/IntrinsicsNVPTX.h>

#include <algorithm>
#include <functional>

#include "gramless/codegen/function_code.h"
#include "gramless/codegen/module.h"
#include "gramless/codegen/packed_values.h"

namespace gramless {
namespace {

/// Returns whether an instruction of LLVM becomes one of the processor.
bool is_emitted(const llvm::Instruction& instruction) {
  if (instruction.isTerminator()) return false;
  if (llvm::isa<llvm::BitCastInst>(instruction)) return false;
  if (instruction.getOpcode() == llvm::Instruction::FNeg) {
    // A multiply-add takes the sign of its operands with it.
    return !std::ranges::all_of(instruction.users(), [](const auto* user) {
      const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(user);
      return call && call->getIntrinsicID() == llvm::Intrinsic::fma;
    });
  }
  if (!llvm::isa<llvm::FCmpInst>(instruction)) return true;
  // A comparison that chooses among its own operands is part of a minimum.
  return std::ranges::any_of(instruction.users(), [&](const auto* user) {
    const auto* select = llvm::dyn_cast<llvm::SelectInst>(user);
    const llvm::Value* left = instruction.getOperand(0);
    const llvm::Value* right = instruction.getOperand(1);
    return !select || !((select->getTrueValue() == left &&
                         select->getFalseValue() == right) ||
                        (select->getTrueValue() == right &&
                         select->getFalseValue() == left));
  });
}

/// Returns whether an instruction is one of a GPU's special functions.
bool is_special(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  if (call == nullptr) return false;
  const llvm::Intrinsic::ID intrinsic = call->getIntrinsicID();
  return intrinsic == llvm::Intrinsic::nvvm_ex2_approx_ftz ||
         intrinsic == llvm::Intrinsic::nvvm_rcp_approx_ftz_f ||
         intrinsic == llvm::Intrinsic::nvvm_rsqrt_approx_ftz_f;
}

/// What a function or power is emitted for, and what of it is counted.
struct Count {
  const TileShape& shape;
  const Target& target;
  bool (*is_counted)(const llvm::Instruction&);
};

/// Returns how many instructions a function or power takes, by emitting it.
int64_t emitted_instructions(const Instruction& instruction,
                             const Count& counted) {
  const auto& [shape, target, is_counted] = counted;
  GeneratedModule generated = make_module(target, "cost");
  llvm::IRBuilder<> ir(*generated.context);
  llvm::Type* type =
      TileMemory(ir, shape).register_of(TileMemory(ir, shape).number());
  const std::vector<llvm::Type*> types(instruction.operands.size(), type);
  llvm::Function* function = add_function(
      generated, "routine", llvm::FunctionType::get(type, types, false));
  ir.SetInsertPoint(
      llvm::BasicBlock::Create(*generated.context, "entry", function));
  std::vector<llvm::Value*> operands;
  for (llvm::Argument& argument : function->args()) {
    operands.push_back(&argument);
  }
  VectorMath math(ir, target);
  if (instruction.kind == NodeKind::function) {
    ir.CreateRet(emit_function(math, instruction.function, operands));
  } else {
    ir.CreateRet(math.pow(operands[0], instruction.value));
  }
  int64_t count = 0;
  for (const llvm::BasicBlock& block : *function) {
    count += std::ranges::count_if(block, is_counted);
  }
  return count;
}

}  // namespace

int64_t pair_instructions(const Program& program, const TileShape& shape,
                          const Target& target) {
  return operations(program, Rate::pair, [&](const Instruction& instruction) {
    return emitted_instructions(instruction, {shape, target, is_emitted});
  });
}

int64_t pair_special_functions(const Program& program, const TileShape& shape,
                               const Target& target) {
  const auto count = [&](const std::function<int64_t(const Instruction&)>& of) {
    return operations(program, Rate::pair, of);
  };
  return count([&](const Instruction& instruction) {
           return emitted_instructions(instruction,
                                       {shape, target, is_special});
         }) -
         count([](const Instruction&) { return 0; });
}

}  // namespace gramless
