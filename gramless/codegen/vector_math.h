// SPDX-License-Identifier: MIT
// Emits mathematics for values of float or double, or of fixed vectors of them
// of any width, without calls.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <span>

#include "gramless/codegen/target.h"

namespace gramless {

class VectorMath {
 public:
  VectorMath(llvm::IRBuilder<>& ir, const Target& target);

  /// 2**x to 1.25 ulp where the result is a normal number; results below may
  /// be any number below, or 0. 0 at -inf, inf from the exponent's limit on.
  llvm::Value* exp2(llvm::Value* x);
  /// log2(x), -inf at 0 and at denormal numbers, NaN below 0.
  llvm::Value* log2(llvm::Value* x);
  llvm::Value* exp(llvm::Value* x);
  llvm::Value* log(llvm::Value* x);
  /// log(1 + x), accurate for small x.
  llvm::Value* log1p(llvm::Value* x);
  /// log(x), but the lowest finite number at 0.
  llvm::Value* log0(llvm::Value* x);
  /// floor(log2(|x|)), -inf at 0 and at denormal numbers.
  llvm::Value* exponent(llvm::Value* x);
  llvm::Value* sqrt(llvm::Value* x);
  /// x**exponent: products for integers, roots for halves of odd integers,
  /// otherwise exp2(exponent*log2(x)), NaN below 0.
  llvm::Value* pow(llvm::Value* x, double exponent);
  /// a*b + c, rounded once where the target can.
  llvm::Value* fma(llvm::Value* a, llvm::Value* b, llvm::Value* c);

 private:
  [[nodiscard]] static bool is_float32(llvm::Value* x);
  [[nodiscard]] static llvm::Type* integers(llvm::Value* x);
  static llvm::Value* number(llvm::Value* like, double value);
  static llvm::Value* bits(llvm::Value* like, uint64_t value);
  /// a > b ? a : b, which is b if one is NaN; likewise a < b.
  llvm::Value* larger(llvm::Value* a, llvm::Value* b);
  llvm::Value* smaller(llvm::Value* a, llvm::Value* b);
  llvm::Value* polynomial(llvm::Value* x, std::span<const double> coefficients);
  llvm::Value* integer_power(llvm::Value* x, int64_t exponent);

  llvm::IRBuilder<>& ir_;
  bool has_fma_;
};

}  // namespace gramless
