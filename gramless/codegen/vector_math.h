// SPDX-License-Identifier: MIT
// Emits mathematics for values of float or double, or of fixed vectors of them
// of any width, without calls.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <span>

#include "gramless/codegen/target.h"

namespace gramless {

/// Errors are in ulp of normal results. Denormal arguments and results may be
/// flushed to 0.
class VectorMath {
 public:
  VectorMath(llvm::IRBuilder<>& ir, const Target& target);

  /// 2**x to 1.25 ulp; denormal results may be any denormal number, or 0. 0 at
  /// -inf; overflows to inf. NaNs must have a zero payload, as those that
  /// arithmetic makes: the exponent arithmetic would turn others into numbers.
  llvm::Value* exp2(llvm::Value* x);
  /// log2(x) to 1.5 ulp, -inf at 0 and at denormal numbers, NaN below 0.
  llvm::Value* log2(llvm::Value* x);
  llvm::Value* log(llvm::Value* x);
  /// log(1 + x), accurate for small x.
  llvm::Value* log1p(llvm::Value* x);
  /// floor(log2(|x|)), -inf at 0 and at denormal numbers.
  llvm::Value* exponent(llvm::Value* x);
  /// x/2**exponent(x); 0, inf and NaN are returned as they are.
  llvm::Value* mantissa(llvm::Value* x);
  /// sqrt(x) and 1/x to 1 ulp, 1/sqrt(x) to 1.5; the latter two of results that
  /// are normal numbers.
  llvm::Value* sqrt(llvm::Value* x);
  llvm::Value* reciprocal(llvm::Value* x);
  llvm::Value* rsqrt(llvm::Value* x);
  /// 4**x for integers; for those below -511, and for NaN, 4**-511. In float32
  /// it is -63.
  llvm::Value* falling_power_of_four(llvm::Value* x);
  /// x**exponent: products for integers, roots for halves of odd integers,
  /// otherwise exp2(exponent*log2(x)), NaN below 0.
  llvm::Value* pow(llvm::Value* x, double exponent);
  /// a*b + c, rounded once where the target can.
  llvm::Value* fma(llvm::Value* a, llvm::Value* b, llvm::Value* c);

  /// To 2.5 ulp at all finite arguments; NaN at infinite ones.
  llvm::Value* sin(llvm::Value* x);
  llvm::Value* cos(llvm::Value* x);
  /// To 5 ulp, like all that follow.
  llvm::Value* tan(llvm::Value* x);
  llvm::Value* asin(llvm::Value* x);
  llvm::Value* acos(llvm::Value* x);
  llvm::Value* atan(llvm::Value* x);
  llvm::Value* atan2(llvm::Value* y, llvm::Value* x);
  llvm::Value* sinh(llvm::Value* x);
  llvm::Value* cosh(llvm::Value* x);
  llvm::Value* tanh(llvm::Value* x);

  llvm::Value* abs(llvm::Value* x);
  /// 1 above 0, -1 below, and x itself otherwise.
  llvm::Value* sign(llvm::Value* x);
  llvm::Value* floor(llvm::Value* x);
  llvm::Value* ceil(llvm::Value* x);
  /// The nearest integer, the even one of two.
  llvm::Value* round(llvm::Value* x);
  /// 1 where x >= 0, otherwise 0.
  llvm::Value* step(llvm::Value* x);
  /// The larger one, a of equal ones, NaN if one is NaN.
  llvm::Value* maximum(llvm::Value* a, llvm::Value* b);
  /// The larger one; b where a is NaN, which b is not.
  llvm::Value* larger_number(llvm::Value* a, llvm::Value* b);
  /// x; if finite, clamped to a quarter of the format's range.
  llvm::Value* bounded(llvm::Value* x);
  /// 1 where x >= 0, otherwise NaN.
  llvm::Value* root_domain(llvm::Value* x);
  /// min(x, largest x for which exp2(x) is finite).
  llvm::Value* capped(llvm::Value* x);
  /// (a*c)*(b*c) in this order.
  llvm::Value* times_square(llvm::Value* a, llvm::Value* b, llvm::Value* c);
  /// b where a >= 0, otherwise c.
  llvm::Value* select(llvm::Value* a, llvm::Value* b, llvm::Value* c);

 private:
  /// An angle: a number of quarter turns and a `rest`, |rest| <= pi/4.
  struct Angle {
    llvm::Value* quarters;  // Integers as wide as rest.
    llvm::Value* rest;
  };

  [[nodiscard]] static bool is_float32(llvm::Value* x);
  /// Returns the type of a scalar, as a vector if `like` is one.
  static llvm::Type* shaped(llvm::Value* like, llvm::Type* scalar);
  [[nodiscard]] static llvm::Type* integers(llvm::Value* x);
  static llvm::Value* number(llvm::Value* like, double value);
  static llvm::Value* bits(llvm::Value* like, uint64_t value);
  /// a > b ? a : b, which is b if one is NaN; likewise a < b.
  llvm::Value* larger(llvm::Value* a, llvm::Value* b);
  llvm::Value* smaller(llvm::Value* a, llvm::Value* b);
  llvm::Value* copysign(llvm::Value* size, llvm::Value* sign);
  /// Whether the instructions of AVX-512 for exponents, and for estimates of
  /// roots and quotients, take a value: one of 512 bits.
  [[nodiscard]] bool has_avx512(llvm::Value* x) const;
  /// Whether a GPU's special functions take a value: they are for float32.
  [[nodiscard]] bool has_special_functions(llvm::Value* x) const;
  llvm::Value* special_function(llvm::Intrinsic::ID intrinsic, llvm::Value* x);
  /// a/b to 1.5 ulp, where 1/b is a normal number.
  llvm::Value* divide(llvm::Value* a, llvm::Value* b);
  /// Whether there are estimates for a value, or one of 1/sqrt(x) at least.
  [[nodiscard]] bool has_estimates(llvm::Value* x) const;
  [[nodiscard]] bool has_root_estimate(llvm::Value* x) const;
  /// An estimate of 1/x or of 1/sqrt(x), with their special values: to 14 bits
  /// on AVX-512, to 12 on AVX2; on GPUs 1/x to 1 ulp, and 1/sqrt(x) to 2.
  llvm::Value* estimate(llvm::Value* x, bool is_root);
  /// Whether x is 0 or inf.
  llvm::Value* is_own_root(llvm::Value* x);
  llvm::Value* polynomial(llvm::Value* x, std::span<const double> coefficients);
  llvm::Value* integer_power(llvm::Value* x, int64_t exponent);
  /// 2**x with AVX-512's instructions for exponents.
  llvm::Value* exp2_avx512(llvm::Value* x);
  /// exp(x)/2 to 2 ulp.
  llvm::Value* half_exp(llvm::Value* x);
  /// 2**integers, for exponents of normal numbers.
  llvm::Value* power_of_two(llvm::Value* like, llvm::Value* exponent);
  /// sin(x) at an angle, or cos(x) = sin(x + pi/2).
  llvm::Value* sine(const Angle& angle, uint64_t more_quarters);
  Angle reduce(llvm::Value* x);
  /// Replaces the parts of an angle at large arguments.
  Angle reduce_large(llvm::Value* x, llvm::Value* is_large, Angle angle);
  /// asin(x) for 0 <= x <= 1/2, where x*x is `square`.
  llvm::Value* small_asin(llvm::Value* x, llvm::Value* square);
  /// sinh(x) for |x| <= 1.
  llvm::Value* small_sinh(llvm::Value* x);

  llvm::IRBuilder<>& ir_;
  bool has_fma_;
  bool has_avx2_;
  bool has_avx512_;
  bool is_cuda_;
};

}  // namespace gramless
