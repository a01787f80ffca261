// SPDX-License-Identifier: MIT
// Runs generated mathematics on numbers, and measures errors.
#pragma once

#include <llvm/IR/Module.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gramless/backend/cpu/executable.h"
#include "gramless/codegen/loops.h"
#include "gramless/codegen/module.h"
#include "gramless/codegen/vector_math.h"

namespace gramless::testing {

/// Returns the module with a function that maps `emit` over blocks of numbers.
template <class T, class EmitBlock>
GeneratedModule mapping(const Target& target, unsigned width,
                        const EmitBlock& emit) {
  GeneratedModule generated = make_module(target, "mapping");
  llvm::LLVMContext& context = *generated.context;
  llvm::IRBuilder<> ir(context);
  llvm::Type* scalar = sizeof(T) == 4 ? ir.getFloatTy() : ir.getDoubleTy();
  llvm::Type* type =
      width == 1 ? scalar : llvm::FixedVectorType::get(scalar, width);
  llvm::Function* function =
      add_function(generated, "map",
                   llvm::FunctionType::get(
                       ir.getVoidTy(),
                       {ir.getPtrTy(), ir.getPtrTy(), ir.getInt64Ty()}, false));
  ir.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  VectorMath math(ir, target);
  emit_loop(ir, {ir.getInt64(0), function->getArg(2), ir.getInt64(width)}, {},
            [&](llvm::Value* index, const Registers&) -> Registers {
              const auto at = [&](unsigned argument) {
                return ir.CreateGEP(scalar, function->getArg(argument), index);
              };
              llvm::Value* x =
                  ir.CreateAlignedLoad(type, at(0), llvm::Align(4));
              ir.CreateAlignedStore(emit(math, x), at(1), llvm::Align(4));
              return {};
            });
  ir.CreateRetVoid();
  verify(generated);
  return generated;
}

template <class T>
class Mapping {
 public:
  template <class EmitBlock>
  Mapping(const Target& target, unsigned width, const EmitBlock& emit)
      : width_(width), executable_(mapping<T>(target, width, emit)) {
    map_ = executable_.function<void(const T*, T*, int64_t)>("map");
  }

  std::vector<T> operator()(std::vector<T> x) const {
    const std::size_t size = x.size();
    x.resize((size + width_ - 1) / width_ * width_);
    std::vector<T> y(x.size());
    map_(x.data(), y.data(), static_cast<int64_t>(x.size()));
    y.resize(size);
    return y;
  }

 private:
  unsigned width_;
  cpu::Executable executable_;
  void (*map_)(const T*, T*, int64_t);
};

/// Returns the error in units in the last place; 0 for equal infinities and
/// NaNs and where a result below the normal numbers is a number below, inf
/// for wrong ones.
template <class T, class Exact>
double error_of(T actual, Exact exact) {
  constexpr double kWrong = std::numeric_limits<double>::infinity();
  constexpr T kSmallest = std::numeric_limits<T>::min();
  if (std::isnan(exact) || std::isnan(actual)) {
    return std::isnan(exact) && std::isnan(actual) ? 0 : kWrong;
  }
  const T rounded = static_cast<T>(exact);
  if (std::isinf(actual) || std::isinf(rounded)) {
    if (actual == rounded) return 0;
    // The largest numbers may round to inf.
    const T other = std::isinf(actual) ? rounded : actual;
    return std::abs(other) >= std::numeric_limits<T>::max() * T(0.999999)
               ? 1
               : kWrong;
  }
  if (std::abs(exact) < kSmallest) {
    return std::abs(actual) <= kSmallest ? 0 : kWrong;
  }
  const int exponent = std::ilogb(exact);
  const double difference =
      static_cast<double>(static_cast<Exact>(actual) - exact);
  return std::abs(
      std::ldexp(difference, std::numeric_limits<T>::digits - 1 - exponent));
}

}  // namespace gramless::testing
