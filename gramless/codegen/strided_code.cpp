// SPDX-License-Identifier: MIT
// Emits the functions that go over the lanes.
#include "gramless/codegen/strided_code.h"

#include <functional>

namespace gramless {
namespace {

/// Returns a function of the module, or adds it.
llvm::Function* routine(GeneratedModule& generated, const std::string& name,
                        llvm::FunctionType* type,
                        const std::function<void(llvm::Function*)>& emit) {
  if (llvm::Function* known = generated.module->getFunction(name)) return known;
  llvm::Function* function = add_function(generated, name, type);
  function->setLinkage(llvm::Function::InternalLinkage);
  function->addFnAttr(llvm::Attribute::NoInline);
  emit(function);
  return function;
}

/// Calls `body` with the address of each lane's number.
void for_each_lane(
    llvm::IRBuilder<>& ir, llvm::Type* number, int lanes, llvm::Value* data,
    llvm::Value* offsets,
    const std::function<void(uint64_t lane, llvm::Value* address)>& body) {
  for (int lane = 0; lane < lanes; ++lane) {
    const auto index = static_cast<uint64_t>(lane);
    llvm::Value* offset =
        ir.CreateLoad(ir.getInt64Ty(),
                      ir.CreateConstGEP1_64(ir.getInt64Ty(), offsets, index));
    body(index, ir.CreateGEP(number, data, offset));
  }
}

std::string name_of(const char* verb, llvm::Type* number, int lanes) {
  return verb + std::to_string(lanes) +
         (number->isFloatTy() ? "_float" : "_double");
}

}  // namespace

LaneOffsets::LaneOffsets(llvm::IRBuilder<>& ir, int lanes, llvm::Value* stride,
                         llvm::Value* count)
    : whole_(nullptr), rest_(nullptr), first_of_rest_(nullptr) {
  if (lanes == 1) return;
  llvm::SmallVector<llvm::Constant*, 16> indices;
  for (int lane = 0; lane < lanes; ++lane) {
    indices.push_back(ir.getInt64(static_cast<uint64_t>(lane)));
  }
  llvm::Value* index = llvm::ConstantVector::get(indices);
  const auto splat = [&](llvm::Value* number) {
    return ir.CreateVectorSplat(static_cast<unsigned>(lanes), number);
  };
  const auto table = [&](llvm::Value* rows) {
    llvm::Value* memory = ir.CreateAlloca(index->getType());
    ir.CreateStore(ir.CreateMul(rows, splat(stride)), memory);
    return memory;
  };
  llvm::Value* last = ir.CreateSub(count, ir.getInt64(1));
  llvm::Value* length = ir.getInt64(static_cast<uint64_t>(lanes));
  llvm::Value* in_rest = ir.CreateURem(last, length);
  first_of_rest_ = ir.CreateSub(last, in_rest);
  whole_ = table(index);
  rest_ = table(
      ir.CreateBinaryIntrinsic(llvm::Intrinsic::smin, index, splat(in_rest)));
}

llvm::Value* LaneOffsets::at(llvm::IRBuilder<>& ir, llvm::Value* row) const {
  if (whole_ == nullptr) return nullptr;
  return ir.CreateSelect(ir.CreateICmpEQ(row, first_of_rest_), rest_, whole_);
}

llvm::Value* load_strided(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                          llvm::Type* number, int lanes, llvm::Value* data,
                          llvm::Value* offsets) {
  if (lanes == 1) return ir.CreateLoad(number, data);
  llvm::Type* vector =
      llvm::FixedVectorType::get(number, static_cast<unsigned>(lanes));
  llvm::FunctionType* type =
      llvm::FunctionType::get(vector, {ir.getPtrTy(), ir.getPtrTy()}, false);
  llvm::Function* function = routine(
      generated, name_of("load", number, lanes), type,
      [&](llvm::Function* made) {
        llvm::IRBuilder<> inside(
            llvm::BasicBlock::Create(ir.getContext(), "entry", made));
        llvm::Value* numbers = llvm::PoisonValue::get(vector);
        for_each_lane(inside, number, lanes, made->getArg(0), made->getArg(1),
                      [&](uint64_t lane, llvm::Value* address) {
                        numbers = inside.CreateInsertElement(
                            numbers, inside.CreateLoad(number, address), lane);
                      });
        inside.CreateRet(numbers);
      });
  return ir.CreateCall(function, {data, offsets});
}

void store_strided(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                   llvm::Value* numbers, llvm::Value* data,
                   llvm::Value* offsets) {
  const auto* vector =
      llvm::dyn_cast<llvm::FixedVectorType>(numbers->getType());
  if (vector == nullptr) {
    ir.CreateStore(numbers, data);
    return;
  }
  llvm::Type* number = vector->getElementType();
  const auto lanes = static_cast<int>(vector->getNumElements());
  llvm::FunctionType* type = llvm::FunctionType::get(
      ir.getVoidTy(), {numbers->getType(), ir.getPtrTy(), ir.getPtrTy()},
      false);
  llvm::Function* function = routine(
      generated, name_of("store", number, lanes), type,
      [&](llvm::Function* made) {
        llvm::IRBuilder<> inside(
            llvm::BasicBlock::Create(ir.getContext(), "entry", made));
        for_each_lane(inside, number, lanes, made->getArg(1), made->getArg(2),
                      [&](uint64_t lane, llvm::Value* address) {
                        inside.CreateStore(
                            inside.CreateExtractElement(made->getArg(0), lane),
                            address);
                      });
        inside.CreateRetVoid();
      });
  ir.CreateCall(function, {numbers, data, offsets});
}

}  // namespace gramless
