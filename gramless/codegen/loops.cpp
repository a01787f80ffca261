// SPDX-License-Identifier: MIT
// Implements the loops.
#include "gramless/codegen/loops.h"

namespace gramless {

// Tests at the end of the body and once before the loop: one jump per
// iteration.
Registers emit_loop(llvm::IRBuilder<>& ir, const LoopRange& range,
                    const Registers& initial,
                    const std::function<Registers(llvm::Value* index,
                                                  const Registers&)>& body) {
  llvm::LLVMContext& context = ir.getContext();
  llvm::BasicBlock* before = ir.GetInsertBlock();
  llvm::Function* function = before->getParent();
  auto* inside = llvm::BasicBlock::Create(context, "loop", function);
  auto* behind = llvm::BasicBlock::Create(context, "behind", function);
  ir.CreateCondBr(ir.CreateICmpSLT(range.begin, range.end), inside, behind);

  ir.SetInsertPoint(inside);
  llvm::PHINode* index = ir.CreatePHI(ir.getInt64Ty(), 2, "index");
  index->addIncoming(range.begin, before);
  std::vector<llvm::PHINode*> entering;
  for (llvm::Value* value : initial) {
    entering.push_back(ir.CreatePHI(value->getType(), 2));
    entering.back()->addIncoming(value, before);
  }
  const Registers carried =
      body(index, Registers(entering.begin(), entering.end()));
  llvm::Value* next = ir.CreateAdd(index, range.step, "next");
  llvm::BasicBlock* last = ir.GetInsertBlock();
  index->addIncoming(next, last);
  ir.CreateCondBr(ir.CreateICmpSLT(next, range.end), inside, behind);

  ir.SetInsertPoint(behind);
  Registers leaving;
  for (std::size_t k = 0; k < initial.size(); ++k) {
    entering[k]->addIncoming(carried[k], last);
    llvm::PHINode* value = ir.CreatePHI(initial[k]->getType(), 2);
    value->addIncoming(initial[k], before);
    value->addIncoming(carried[k], last);
    leaving.push_back(value);
  }
  return leaving;
}

}  // namespace gramless
