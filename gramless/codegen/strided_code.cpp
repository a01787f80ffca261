// SPDX-License-Identifier: MIT
// Emits vectors that are next to each other in memory, gathers and scatters.
#include "gramless/codegen/strided_code.h"

namespace gramless {
namespace {

llvm::Align alignment_of(llvm::Type* number) {
  return llvm::Align(number->getPrimitiveSizeInBits() / 8);
}

/// Returns a function that gathers, one in a module: without an instruction for
/// it, the code is long.
llvm::Function* gather_function(GeneratedModule& generated,
                                llvm::FixedVectorType* type,
                                llvm::Type* addresses) {
  const std::string name =
      "gather" + std::to_string(type->getNumElements()) +
      (type->getElementType()->isFloatTy() ? "_float" : "_double");
  if (llvm::Function* known = generated.module->getFunction(name)) return known;
  llvm::Function* function = add_function(
      generated, name, llvm::FunctionType::get(type, {addresses}, false));
  function->setLinkage(llvm::Function::InternalLinkage);
  function->addFnAttr(llvm::Attribute::NoInline);
  llvm::IRBuilder<> ir(
      llvm::BasicBlock::Create(*generated.context, "entry", function));
  ir.CreateRet(ir.CreateMaskedGather(type, function->getArg(0),
                                     alignment_of(type->getElementType())));
  return function;
}

}  // namespace

RowVectors::RowVectors(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                       int lanes, llvm::Value* stride, llvm::Value* count)
    : generated_(generated), ir_(ir), lanes_(lanes) {
  if (lanes == 1) return;
  llvm::SmallVector<llvm::Constant*, 16> indices;
  for (int lane = 0; lane < lanes; ++lane) {
    indices.push_back(ir.getInt64(static_cast<uint64_t>(lane)));
  }
  llvm::Value* index = llvm::ConstantVector::get(indices);
  const auto splat = [&](llvm::Value* number) {
    return ir.CreateVectorSplat(static_cast<unsigned>(lanes), number);
  };
  llvm::Value* last = ir.CreateSub(count, ir.getInt64(1));
  llvm::Value* length = ir.getInt64(static_cast<uint64_t>(lanes));
  llvm::Value* in_rest = ir.CreateURem(last, length);
  llvm::Value* rows_of_rest =
      ir.CreateBinaryIntrinsic(llvm::Intrinsic::smin, index, splat(in_rest));
  first_of_rest_ = ir.CreateSub(last, in_rest);
  offsets_ = ir.CreateMul(index, splat(stride));
  offsets_of_rest_ = ir.CreateMul(rows_of_rest, splat(stride));
  end_of_next_ = ir.CreateSelect(
      ir.CreateICmpEQ(stride, ir.getInt64(1)),
      ir.CreateSub(last, ir.getInt64(static_cast<uint64_t>(lanes - 2))),
      ir.getInt64(0));
}

template <class Next, class Apart>
llvm::Value* RowVectors::choose(llvm::Value* row, const Next& next,
                                const Apart& apart) {
  llvm::LLVMContext& context = ir_.getContext();
  llvm::Function* function = ir_.GetInsertBlock()->getParent();
  auto* in_next = llvm::BasicBlock::Create(context, "next", function);
  auto* in_apart = llvm::BasicBlock::Create(context, "apart", function);
  auto* behind = llvm::BasicBlock::Create(context, "behind", function);
  ir_.CreateCondBr(ir_.CreateICmpSLT(row, end_of_next_), in_next, in_apart);
  ir_.SetInsertPoint(in_next);
  llvm::Value* of_next = next();
  ir_.CreateBr(behind);
  ir_.SetInsertPoint(in_apart);
  llvm::Value* of_apart = apart();
  ir_.CreateBr(behind);
  ir_.SetInsertPoint(behind);
  if (of_next == nullptr) return nullptr;
  llvm::PHINode* result = ir_.CreatePHI(of_next->getType(), 2);
  result->addIncoming(of_next, in_next);
  result->addIncoming(of_apart, in_apart);
  return result;
}

llvm::Value* RowVectors::addresses(llvm::Type* number, llvm::Value* data,
                                   llvm::Value* row) {
  llvm::Value* offsets = ir_.CreateSelect(ir_.CreateICmpEQ(row, first_of_rest_),
                                          offsets_of_rest_, offsets_);
  return ir_.CreateGEP(number, data, offsets);
}

llvm::Value* RowVectors::load(llvm::Type* number, llvm::Value* data,
                              llvm::Value* row) {
  if (lanes_ == 1) return ir_.CreateLoad(number, data);
  llvm::FixedVectorType* type =
      llvm::FixedVectorType::get(number, static_cast<unsigned>(lanes_));
  const bool has_gathers = generated_.target.vector_bytes == 64;
  return choose(
      row,
      [&]() -> llvm::Value* {
        return ir_.CreateAlignedLoad(type, data, alignment_of(number));
      },
      [&]() -> llvm::Value* {
        llvm::Value* places = addresses(number, data, row);
        if (has_gathers) {
          return ir_.CreateMaskedGather(type, places, alignment_of(number));
        }
        return ir_.CreateCall(
            gather_function(generated_, type, places->getType()), {places});
      });
}

void RowVectors::store(llvm::Value* numbers, llvm::Value* data,
                       llvm::Value* row) {
  if (lanes_ == 1) {
    ir_.CreateStore(numbers, data);
    return;
  }
  llvm::Type* number = numbers->getType()->getScalarType();
  choose(
      row,
      [&] {
        ir_.CreateAlignedStore(numbers, data, alignment_of(number));
        return nullptr;
      },
      [&] {
        ir_.CreateMaskedScatter(numbers, addresses(number, data, row),
                                alignment_of(number));
        return nullptr;
      });
}

}  // namespace gramless
