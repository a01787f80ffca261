// SPDX-License-Identifier: MIT
// Emits the reduction of large angles by integers.
#include "gramless/codegen/large_angle.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <array>
#include <numbers>

namespace gramless {
namespace {

// The binary digits of 2/pi behind the point, and 64 zeros in front.
constexpr std::array<uint64_t, 21> kTwoOverPi = {
    0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0,
    0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
    0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
    0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b,
    0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d, 0x7527bac7ebe5f17b, 0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
};

/// Emits, once in a module, a function from the bits of a double x >= 2**20 to
/// the nearest number of quarter turns, modulo 4, and the rest in radians.
///
/// It multiplies the mantissa, an integer, by those 192 digits of 2/pi that
/// stand for less than 4 quarter turns and for more than the last bit of the
/// rest (Payne and Hanek, Radian reduction for trigonometric functions, 1983).
class LargeAngle {
 public:
  explicit LargeAngle(llvm::IRBuilder<>& around)
      : ir_(around.getContext()), module_(module_of(around)) {
    const llvm::Function* caller = around.GetInsertBlock()->getParent();
    result_ = llvm::StructType::get(ir_.getInt64Ty(), ir_.getDoubleTy());
    function_ = llvm::Function::Create(
        llvm::FunctionType::get(result_, {ir_.getInt64Ty()}, false),
        llvm::Function::InternalLinkage, kName, module_);
    function_->setAttributes(llvm::AttributeList::get(
        ir_.getContext(), llvm::AttributeList::FunctionIndex,
        llvm::AttrBuilder(ir_.getContext(),
                          caller->getAttributes().getFnAttrs())));
    ir_.SetInsertPoint(
        llvm::BasicBlock::Create(ir_.getContext(), "entry", function_));
  }

  static llvm::Function* get(llvm::IRBuilder<>& ir) {
    llvm::Function* found = module_of(ir)->getFunction(kName);
    return found != nullptr ? found : LargeAngle(ir).emit();
  }

 private:
  static constexpr const char* kName = "large_angle";

  static llvm::Module* module_of(llvm::IRBuilder<>& ir) {
    return ir.GetInsertBlock()->getModule();
  }

  llvm::Function* emit() {
    llvm::Value* x = function_->getArg(0);
    llvm::Value* exponent = ir_.CreateLShr(x, 52);
    llvm::Value* mantissa = ir_.CreateOr(
        ir_.CreateAnd(x, (uint64_t{1} << 52U) - 1), uint64_t{1} << 52U);
    // x = mantissa 2**(exponent - 1075). The digits start where one of them
    // stands for 2 quarter turns times the mantissa's last bit.
    llvm::Value* start = ir_.CreateSub(exponent, ir_.getInt64(1075 - 62));
    llvm::Value* high = ir_.CreateMul(mantissa, digits(start, 0));
    llvm::Value* middle = ir_.CreateMul(wide(mantissa), wide(digits(start, 1)));
    llvm::Value* low = ir_.CreateMul(wide(mantissa), wide(digits(start, 2)));
    llvm::Value* sum = ir_.CreateAdd(middle, ir_.CreateLShr(low, 64));
    high = ir_.CreateAdd(high, narrow(ir_.CreateLShr(sum, 64)));
    low = narrow(sum);
    // Two digits before the point; the rest is signed.
    llvm::Value* half = ir_.getInt64(uint64_t{1} << 61U);
    llvm::Value* quarters = ir_.CreateLShr(ir_.CreateAdd(high, half), 62);
    llvm::Value* rest =
        ir_.CreateOr(ir_.CreateShl(high, 2), ir_.CreateLShr(low, 62));
    llvm::Type* real = ir_.getDoubleTy();
    llvm::Value* turns = ir_.CreateFAdd(
        ir_.CreateFMul(ir_.CreateSIToFP(rest, real),
                       llvm::ConstantFP::get(real, 0x1p-64)),
        ir_.CreateFMul(ir_.CreateUIToFP(ir_.CreateShl(low, 2), real),
                       llvm::ConstantFP::get(real, 0x1p-128)));
    llvm::Value* radians = ir_.CreateFMul(
        turns, llvm::ConstantFP::get(real, std::numbers::pi / 2));
    llvm::Value* result = llvm::PoisonValue::get(result_);
    result = ir_.CreateInsertValue(result, quarters, 0);
    ir_.CreateRet(ir_.CreateInsertValue(result, radians, 1));
    return function_;
  }

  /// Returns the 64 digits behind start + 64*word.
  llvm::Value* digits(llvm::Value* start, unsigned word) {
    llvm::Value* first = ir_.CreateLShr(start, 6);
    llvm::Value* shift = ir_.CreateAnd(start, 63);
    const auto load = [&](unsigned behind) {
      llvm::Value* index = ir_.CreateAdd(first, ir_.getInt64(behind));
      llvm::Value* address =
          ir_.CreateInBoundsGEP(ir_.getInt64Ty(), table(), index);
      return ir_.CreateLoad(ir_.getInt64Ty(), address);
    };
    return ir_.CreateIntrinsic(llvm::Intrinsic::fshl, {ir_.getInt64Ty()},
                               {load(word), load(word + 1), shift});
  }

  llvm::Value* table() {
    if (table_ == nullptr) {
      llvm::Constant* words =
          llvm::ConstantDataArray::get(ir_.getContext(), kTwoOverPi);
      table_ = new llvm::GlobalVariable(*module_, words->getType(), true,
                                        llvm::GlobalValue::PrivateLinkage,
                                        words, "two_over_pi");
    }
    return table_;
  }

  llvm::Value* wide(llvm::Value* x) {
    return ir_.CreateZExt(x, ir_.getInt128Ty());
  }

  llvm::Value* narrow(llvm::Value* x) {
    return ir_.CreateTrunc(x, ir_.getInt64Ty());
  }

  llvm::IRBuilder<> ir_;
  llvm::Module* module_;
  llvm::StructType* result_ = nullptr;
  llvm::Function* function_ = nullptr;
  llvm::GlobalVariable* table_ = nullptr;
};

}  // namespace

llvm::Function* large_angle_function(llvm::IRBuilder<>& ir) {
  return LargeAngle::get(ir);
}

}  // namespace gramless
