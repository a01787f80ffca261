// SPDX-License-Identifier: MIT
// Emits the functions that go over the lanes.
#include "gramless/codegen/strided_code.h"

#include <functional>

namespace gramless {
namespace {

/// Returns a function of the module, or adds it. Its last three arguments are
/// those of StridedNumbers.
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
    llvm::IRBuilder<>& ir, llvm::Function* function, llvm::Type* number,
    int lanes,
    const std::function<void(uint64_t lane, llvm::Value* address)>& body) {
  const auto argument = [&](std::size_t behind) {
    return function->getArg(
        static_cast<unsigned>(function->arg_size() - behind));
  };
  for (int lane = 0; lane < lanes; ++lane) {
    const auto index = static_cast<uint64_t>(lane);
    llvm::Value* at = ir.CreateBinaryIntrinsic(llvm::Intrinsic::smin,
                                               ir.getInt64(index), argument(1));
    body(index,
         ir.CreateGEP(number, argument(3), ir.CreateMul(at, argument(2))));
  }
}

std::string name_of(const char* verb, llvm::Type* number, int lanes) {
  return verb + std::to_string(lanes) +
         (number->isFloatTy() ? "_float" : "_double");
}

}  // namespace

llvm::Value* load_strided(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                          llvm::Type* number, int lanes,
                          const StridedNumbers& from) {
  if (lanes == 1) return ir.CreateLoad(number, from.data);
  llvm::Type* vector =
      llvm::FixedVectorType::get(number, static_cast<unsigned>(lanes));
  llvm::FunctionType* type = llvm::FunctionType::get(
      vector, {ir.getPtrTy(), ir.getInt64Ty(), ir.getInt64Ty()}, false);
  llvm::Function* function = routine(
      generated, name_of("load", number, lanes), type,
      [&](llvm::Function* made) {
        llvm::IRBuilder<> inside(
            llvm::BasicBlock::Create(ir.getContext(), "entry", made));
        llvm::Value* numbers = llvm::PoisonValue::get(vector);
        for_each_lane(inside, made, number, lanes,
                      [&](uint64_t lane, llvm::Value* address) {
                        numbers = inside.CreateInsertElement(
                            numbers, inside.CreateLoad(number, address), lane);
                      });
        inside.CreateRet(numbers);
      });
  return ir.CreateCall(function, {from.data, from.stride, from.last});
}

void store_strided(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                   llvm::Value* numbers, const StridedNumbers& to) {
  const auto* vector =
      llvm::dyn_cast<llvm::FixedVectorType>(numbers->getType());
  if (vector == nullptr) {
    ir.CreateStore(numbers, to.data);
    return;
  }
  llvm::Type* number = vector->getElementType();
  const auto lanes = static_cast<int>(vector->getNumElements());
  llvm::FunctionType* type = llvm::FunctionType::get(
      ir.getVoidTy(),
      {numbers->getType(), ir.getPtrTy(), ir.getInt64Ty(), ir.getInt64Ty()},
      false);
  llvm::Function* function = routine(
      generated, name_of("store", number, lanes), type,
      [&](llvm::Function* made) {
        llvm::IRBuilder<> inside(
            llvm::BasicBlock::Create(ir.getContext(), "entry", made));
        for_each_lane(inside, made, number, lanes,
                      [&](uint64_t lane, llvm::Value* address) {
                        inside.CreateStore(
                            inside.CreateExtractElement(made->getArg(0), lane),
                            address);
                      });
        inside.CreateRetVoid();
      });
  ir.CreateCall(function, {numbers, to.data, to.stride, to.last});
}

}  // namespace gramless
