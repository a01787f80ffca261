// SPDX-License-Identifier: MIT
// Implements exponentials, logarithms and powers.
#include "gramless/codegen/vector_math.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsNVPTX.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "gramless/ir/operators.h"

namespace gramless {
namespace {

// Minimax polynomials for 2**f, f in [-1/2, 1/2], in the relative error (found
// by Remez exchange in 50 digits): 1.9e-9 in degree 6, 3.1e-18 in degree 11.
constexpr std::array kExp2Float = {
    0x1.0p+0,      0x1.62e43p-1,   0x1.ebfbdap-3,  0x1.c6aed4p-5,
    0x1.3b2dbcp-7, 0x1.5f4582p-10, 0x1.41d324p-13,
};
constexpr std::array kExp2Double = {
    0x1.0p+0,
    0x1.62e42fefa39efp-1,
    0x1.ebfbdff82c5adp-3,
    0x1.c6b08d7049fd0p-5,
    0x1.3b2ab6fb9f401p-7,
    0x1.5d87fe78cf2e5p-10,
    0x1.43091310c31e9p-13,
    0x1.ffcbfba7a17afp-17,
    0x1.62bfc3b82fdfep-20,
    0x1.b52678a314077p-24,
    0x1.e6210ca2dd0d5p-28,
    0x1.e7aa0d50ad1d9p-32,
};
// log((1 + s)/(1 - s)) = 2s + s³ Q(s²) for 1/sqrt(2) <= (1 + s)/(1 - s) <
// sqrt(2): Q, found likewise.
constexpr std::array kLogFloat = {
    0x1.555554p-1,
    0x1.999a78p-2,
    0x1.243954p-2,
    0x1.e2e676p-3,
};
constexpr std::array kLogDouble = {
    0x1.5555555555555p-1, 0x1.9999999999dc5p-2, 0x1.249249242ed2bp-2,
    0x1.c71c7255840b4p-3, 0x1.745cdf2387c1ap-3, 0x1.3b2087f77e7f0p-3,
    0x1.0f5f948ccd8d3p-3, 0x1.0f4c1944e3075p-3,
};

}  // namespace

VectorMath::VectorMath(llvm::IRBuilder<>& ir, const Target& target)
    : ir_(ir),
      has_fma_(target.has_fma),
      has_avx2_(target.isa >= VectorIsa::avx2),
      has_avx512_(target.isa == VectorIsa::avx512),
      is_cuda_(target.is_cuda) {}

bool VectorMath::is_float32(llvm::Value* x) {
  return x->getType()->getScalarType()->isFloatTy();
}

llvm::Type* VectorMath::shaped(llvm::Value* like, llvm::Type* scalar) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like->getType());
  if (vector == nullptr) return scalar;
  return llvm::FixedVectorType::get(scalar, vector->getNumElements());
}

llvm::Type* VectorMath::integers(llvm::Value* x) {
  llvm::Type* type = x->getType();
  return shaped(x, llvm::IntegerType::get(type->getContext(),
                                          type->getScalarSizeInBits()));
}

llvm::Value* VectorMath::number(llvm::Value* like, double value) {
  return llvm::ConstantFP::get(like->getType(), value);
}

llvm::Value* VectorMath::bits(llvm::Value* like, uint64_t value) {
  return llvm::ConstantInt::get(integers(like), value);
}

llvm::Value* VectorMath::larger(llvm::Value* a, llvm::Value* b) {
  return ir_.CreateSelect(ir_.CreateFCmpOGT(a, b), a, b);
}

llvm::Value* VectorMath::larger_number(llvm::Value* a, llvm::Value* b) {
  if (!is_cuda_) return larger(a, b);
  return ir_.CreateBinaryIntrinsic(llvm::Intrinsic::maxnum, a, b);
}

llvm::Value* VectorMath::smaller(llvm::Value* a, llvm::Value* b) {
  return ir_.CreateSelect(ir_.CreateFCmpOLT(a, b), a, b);
}

llvm::Value* VectorMath::fma(llvm::Value* a, llvm::Value* b, llvm::Value* c) {
  if (!has_fma_) return ir_.CreateFAdd(ir_.CreateFMul(a, b), c);
  return ir_.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, b, c});
}

bool VectorMath::has_avx512(llvm::Value* x) const {
  return has_avx512_ && x->getType()->getPrimitiveSizeInBits() == 512;
}

bool VectorMath::has_special_functions(llvm::Value* x) const {
  return is_cuda_ && is_float32(x);
}

llvm::Value* VectorMath::special_function(llvm::Intrinsic::ID intrinsic,
                                          llvm::Value* x) {
  return ir_.CreateIntrinsic(x->getType(), intrinsic, {x});
}

bool VectorMath::has_estimates(llvm::Value* x) const {
  return has_avx512(x) || has_special_functions(x);
}

bool VectorMath::has_root_estimate(llvm::Value* x) const {
  const bool is_avx2 = has_avx2_ && is_float32(x) &&
                       x->getType()->getPrimitiveSizeInBits() == 256;
  return has_estimates(x) || is_avx2;
}

llvm::Value* VectorMath::estimate(llvm::Value* x, bool is_root) {
  if (has_special_functions(x)) {
    return special_function(is_root ? llvm::Intrinsic::nvvm_rsqrt_approx_ftz_f
                                    : llvm::Intrinsic::nvvm_rcp_approx_ftz_f,
                            x);
  }
  const bool single = is_float32(x);
  if (!has_avx512(x)) {
    return ir_.CreateIntrinsic(llvm::Intrinsic::x86_avx_rsqrt_ps_256, {x});
  }
  const llvm::Intrinsic::ID intrinsic =
      is_root ? (single ? llvm::Intrinsic::x86_avx512_rsqrt14_ps_512
                        : llvm::Intrinsic::x86_avx512_rsqrt14_pd_512)
              : (single ? llvm::Intrinsic::x86_avx512_rcp14_ps_512
                        : llvm::Intrinsic::x86_avx512_rcp14_pd_512);
  llvm::Value* mask = llvm::ConstantInt::get(
      ir_.getContext(), llvm::APInt::getAllOnes(single ? 16 : 8));
  return ir_.CreateIntrinsic(intrinsic,
                             {x, llvm::PoisonValue::get(x->getType()), mask});
}

// A division of 512 bits takes as long as 16 other instructions. With r near
// 1/x and e = 1 - r x, r + r e is off by e**2. Where r is 0 or infinite, e is
// NaN; with 1 in its place, r stays what it is.
llvm::Value* VectorMath::reciprocal(llvm::Value* x) {
  if (has_special_functions(x)) return estimate(x, /*is_root=*/false);
  if (!has_avx512(x)) return ir_.CreateFDiv(number(x, 1), x);
  llvm::Value* result = estimate(x, /*is_root=*/false);
  for (int step = 0; step < (is_float32(x) ? 1 : 2); ++step) {
    llvm::Value* e = fma(ir_.CreateFNeg(x), result, number(x, 1));
    result = fma(result, smaller(e, number(x, 1)), result);
  }
  return result;
}

// With r near 1/sqrt(x) and e = 1 - r (r x), r + r e/2 is off by 3/8 e**2,
// which is too much where the estimate has 12 bits, and r + r (e/2 + 3/8 e**2)
// by 5/16 e**3.
llvm::Value* VectorMath::rsqrt(llvm::Value* x) {
  if (!has_root_estimate(x)) return ir_.CreateFDiv(number(x, 1), sqrt(x));
  llvm::Value* result = estimate(x, /*is_root=*/true);
  for (int step = 0; step < (is_float32(x) ? 1 : 2); ++step) {
    llvm::Value* root = ir_.CreateFMul(x, result);
    llvm::Value* e =
        smaller(fma(ir_.CreateFNeg(root), result, number(x, 1)), number(x, 1));
    llvm::Value* factor = has_estimates(x)
                              ? number(x, 0.5)
                              : fma(e, number(x, 0.375), number(x, 0.5));
    result = fma(ir_.CreateFMul(factor, result), e, result);
  }
  return result;
}

// The same for r x, which is near sqrt(x). 0 and inf are their own roots.
llvm::Value* VectorMath::sqrt(llvm::Value* x) {
  if (!has_estimates(x) || !is_float32(x)) {
    return ir_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x);
  }
  llvm::Value* r = estimate(x, /*is_root=*/true);
  llvm::Value* root = ir_.CreateFMul(x, r);
  llvm::Value* e = fma(ir_.CreateFNeg(root), r, number(x, 1));
  llvm::Value* result = fma(ir_.CreateFMul(number(x, 0.5), root), e, root);
  return ir_.CreateSelect(is_own_root(x), x, result);
}

llvm::Value* VectorMath::is_own_root(llvm::Value* x) {
  if (is_cuda_) {
    llvm::Value* infinity = llvm::ConstantFP::getInfinity(x->getType());
    return ir_.CreateOr(ir_.CreateFCmpOEQ(x, number(x, 0)),
                        ir_.CreateFCmpOEQ(x, infinity));
  }
  constexpr int kZeroOrInfinity = 0x2 | 0x4 | 0x8;
  return ir_.CreateIntrinsic(llvm::Intrinsic::x86_avx512_fpclass_ps_512,
                             {x, ir_.getInt32(kZeroOrInfinity)});
}

llvm::Value* VectorMath::divide(llvm::Value* a, llvm::Value* b) {
  return has_estimates(b) ? ir_.CreateFMul(a, reciprocal(b))
                          : ir_.CreateFDiv(a, b);
}

llvm::Value* VectorMath::abs(llvm::Value* x) {
  return ir_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
}

llvm::Value* VectorMath::floor(llvm::Value* x) {
  return ir_.CreateUnaryIntrinsic(llvm::Intrinsic::floor, x);
}

llvm::Value* VectorMath::ceil(llvm::Value* x) {
  return ir_.CreateUnaryIntrinsic(llvm::Intrinsic::ceil, x);
}

llvm::Value* VectorMath::round(llvm::Value* x) {
  return ir_.CreateUnaryIntrinsic(llvm::Intrinsic::roundeven, x);
}

llvm::Value* VectorMath::copysign(llvm::Value* size, llvm::Value* sign) {
  return ir_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, size, sign);
}

llvm::Value* VectorMath::sign(llvm::Value* x) {
  llvm::Value* zero = number(x, 0);
  llvm::Value* is_signed = ir_.CreateFCmpONE(x, zero);
  return ir_.CreateSelect(is_signed, copysign(number(x, 1), x), x);
}

llvm::Value* VectorMath::step(llvm::Value* x) {
  return select(x, number(x, 1), number(x, 0));
}

llvm::Value* VectorMath::maximum(llvm::Value* a, llvm::Value* b) {
  llvm::Value* is_first =
      ir_.CreateOr(ir_.CreateFCmpOGE(a, b), ir_.CreateFCmpUNO(a, a));
  return ir_.CreateSelect(is_first, a, b);
}

llvm::Value* VectorMath::bounded(llvm::Value* x) {
  const double quarter = (is_float32(x) ? std::numeric_limits<float>::max()
                                        : std::numeric_limits<double>::max()) /
                         4;
  llvm::Value* clamped =
      smaller(number(x, quarter), larger(number(x, -quarter), x));
  llvm::Value* is_finite =
      ir_.CreateFCmpOLT(abs(x), llvm::ConstantFP::getInfinity(x->getType()));
  return ir_.CreateSelect(is_finite, clamped, x);
}

llvm::Value* VectorMath::root_domain(llvm::Value* x) {
  return select(x, number(x, 1), llvm::ConstantFP::getNaN(x->getType()));
}

llvm::Value* VectorMath::capped(llvm::Value* x) {
  return smaller(number(x, is_float32(x) ? 127 : 1023), x);
}

llvm::Value* VectorMath::times_square(llvm::Value* a, llvm::Value* b,
                                      llvm::Value* c) {
  const llvm::IRBuilderBase::FastMathFlagGuard guard(ir_);
  ir_.clearFastMathFlags();
  return ir_.CreateFMul(ir_.CreateFMul(a, c), ir_.CreateFMul(b, c));
}

llvm::Value* VectorMath::select(llvm::Value* a, llvm::Value* b,
                                llvm::Value* c) {
  return ir_.CreateSelect(ir_.CreateFCmpOGE(a, number(a, 0)), b, c);
}

llvm::Value* VectorMath::polynomial(llvm::Value* x,
                                    std::span<const double> coefficients) {
  llvm::Value* result = number(x, coefficients.back());
  for (std::size_t k = coefficients.size() - 1; k-- > 0;) {
    result = fma(result, x, number(x, coefficients[k]));
  }
  return result;
}

// x = n + f: adding 1.5 * 2**(bits of the mantissa) leaves n in the low bits; a
// shift moves it into the exponent of 2**f. The clamps keep n within one step
// of over- and underflow.
llvm::Value* VectorMath::exp2(llvm::Value* x) {
  const bool single = is_float32(x);
  const unsigned mantissa = single ? 23 : 52;
  const double limit = single ? 128 : 1024;
  if (has_special_functions(x)) {
    return ir_.CreateIntrinsic(llvm::Intrinsic::nvvm_ex2_approx_ftz,
                               {x->getType()}, {x});
  }
  if (has_avx512(x)) return exp2_avx512(x);
  x = larger(number(x, 1 - limit), x);
  x = smaller(number(x, limit), x);
  llvm::Value* magic = number(x, std::ldexp(1.5, static_cast<int>(mantissa)));
  const llvm::IRBuilderBase::FastMathFlagGuard guard(ir_);
  ir_.clearFastMathFlags();
  llvm::Value* shifted = ir_.CreateFAdd(x, magic);
  llvm::Value* fraction = ir_.CreateFSub(x, ir_.CreateFSub(shifted, magic));
  llvm::Value* power = single ? polynomial(fraction, kExp2Float)
                              : polynomial(fraction, kExp2Double);
  llvm::Value* exponent =
      ir_.CreateShl(ir_.CreateBitCast(shifted, integers(x)), bits(x, mantissa));
  return ir_.CreateBitCast(
      ir_.CreateAdd(ir_.CreateBitCast(power, integers(x)), exponent),
      x->getType());
}

// x = n + f: vreduce computes f, vscalef multiplies 2**f by 2**n and handles
// the special cases. vscalef takes floor(x) of its operand itself, but with n =
// floor(x) the difference f would be rounded for x just below 0.
llvm::Value* VectorMath::exp2_avx512(llvm::Value* x) {
  const bool single = is_float32(x);
  const auto all = llvm::APInt::getAllOnes(single ? 16 : 8);
  llvm::Value* mask = llvm::ConstantInt::get(ir_.getContext(), all);
  llvm::Value* none = llvm::PoisonValue::get(x->getType());
  llvm::Value* to_nearest = ir_.getInt32(0);
  llvm::Value* as_set = ir_.getInt32(4);
  llvm::Value* fraction = ir_.CreateIntrinsic(
      single ? llvm::Intrinsic::x86_avx512_mask_reduce_ps_512
             : llvm::Intrinsic::x86_avx512_mask_reduce_pd_512,
      {x, to_nearest, none, mask, as_set});
  llvm::Value* power = single ? polynomial(fraction, kExp2Float)
                              : polynomial(fraction, kExp2Double);
  const llvm::IRBuilderBase::FastMathFlagGuard guard(ir_);
  ir_.clearFastMathFlags();
  return ir_.CreateIntrinsic(
      single ? llvm::Intrinsic::x86_avx512_mask_scalef_ps_512
             : llvm::Intrinsic::x86_avx512_mask_scalef_pd_512,
      {power, ir_.CreateFSub(x, fraction), none, mask, as_set});
}

// Adding 1.5 * 2**(bits of the mantissa) leaves an integer in the low bits,
// from where a shift takes it to the exponent of 1.
llvm::Value* VectorMath::falling_power_of_four(llvm::Value* x) {
  const unsigned mantissa = is_float32(x) ? 23 : 52;
  llvm::Value* magic = number(x, std::ldexp(1.5, static_cast<int>(mantissa)));
  const llvm::IRBuilderBase::FastMathFlagGuard guard(ir_);
  ir_.clearFastMathFlags();
  x = larger(x, number(x, is_float32(x) ? -63 : -511));
  llvm::Value* shifted = ir_.CreateFAdd(ir_.CreateFAdd(x, x), magic);
  llvm::Value* exponent =
      ir_.CreateShl(ir_.CreateBitCast(shifted, integers(x)), bits(x, mantissa));
  llvm::Value* one = ir_.CreateBitCast(number(x, 1), integers(x));
  return ir_.CreateBitCast(ir_.CreateAdd(one, exponent), x->getType());
}

// x = 2**e (1 + f) with 1 + f in [1/sqrt(2), sqrt(2)). With s = f/(2 + f),
// log(1 + f) = 2s + s³ Q(s²) is f + s (s² Q(s²) - f), of which f is exact, and
// the rest is small.
llvm::Value* VectorMath::log2(llvm::Value* x) {
  const bool single = is_float32(x);
  const unsigned mantissa = single ? 23 : 52;
  const uint64_t root = single ? 0x3f3504f3 : 0x3fe6a09e667f3bcd;
  llvm::Type* integer = integers(x);
  llvm::Value* above =
      ir_.CreateSub(ir_.CreateBitCast(x, integer), bits(x, root));
  llvm::Value* exponent = ir_.CreateAShr(above, bits(x, mantissa));
  llvm::Value* low =
      ir_.CreateAnd(above, bits(x, (uint64_t{1} << mantissa) - 1));
  llvm::Value* m =
      ir_.CreateBitCast(ir_.CreateAdd(low, bits(x, root)), x->getType());
  llvm::Value* f = ir_.CreateFSub(m, number(x, 1));
  llvm::Value* s = divide(f, ir_.CreateFAdd(f, number(x, 2)));
  llvm::Value* square = ir_.CreateFMul(s, s);
  llvm::Value* q =
      single ? polynomial(square, kLogFloat) : polynomial(square, kLogDouble);
  llvm::Value* rest = ir_.CreateFMul(s, fma(square, q, ir_.CreateFNeg(f)));
  // f log2(e) with its leading half exact, also without a fused operation.
  const double log2e_head = single ? 0x1.714p+0 : 0x1.715476p+0;
  const double log2e_tail = single ? 0x1.47652bp-12 : 0x1.4ae0bf85ddf44p-26;
  const uint64_t leading = single ? 0xfffff000 : 0xfffffffff8000000;
  llvm::Value* head = ir_.CreateBitCast(
      ir_.CreateAnd(ir_.CreateBitCast(f, integer), bits(x, leading)),
      x->getType());
  llvm::Value* tail =
      fma(f, number(x, log2e_tail),
          ir_.CreateFMul(ir_.CreateFSub(f, head), number(x, log2e_head)));
  tail = fma(rest, number(x, std::numbers::log2e), tail);
  llvm::Value* result =
      ir_.CreateFAdd(fma(head, number(x, log2e_head), tail),
                     ir_.CreateSIToFP(exponent, x->getType()));
  llvm::Value* smallest = number(x, single ? 0x1p-126 : 0x1p-1022);
  llvm::Value* infinity = llvm::ConstantFP::getInfinity(x->getType());
  llvm::Value* zero = number(x, 0);
  result = ir_.CreateSelect(ir_.CreateFCmpOLT(x, smallest),
                            llvm::ConstantFP::getInfinity(x->getType(), true),
                            result);
  result = ir_.CreateSelect(ir_.CreateFCmpOLT(x, zero),
                            llvm::ConstantFP::getNaN(x->getType()), result);
  // inf and NaN are their own logarithms.
  return ir_.CreateSelect(ir_.CreateFCmpOLT(x, infinity), result, x);
}

llvm::Value* VectorMath::log(llvm::Value* x) {
  return ir_.CreateFMul(log2(x), number(x, std::numbers::ln2));
}

llvm::Value* VectorMath::exponent(llvm::Value* x) {
  const bool single = is_float32(x);
  llvm::Value* shifted = ir_.CreateLShr(ir_.CreateBitCast(x, integers(x)),
                                        bits(x, single ? 23 : 52));
  llvm::Value* field = ir_.CreateAnd(shifted, bits(x, single ? 0xff : 0x7ff));
  llvm::Value* unbiased = ir_.CreateSub(field, bits(x, single ? 127 : 1023));
  llvm::Value* is_zero = ir_.CreateICmpEQ(field, bits(x, 0));
  return ir_.CreateSelect(is_zero,
                          llvm::ConstantFP::getInfinity(x->getType(), true),
                          ir_.CreateSIToFP(unbiased, x->getType()));
}

llvm::Value* VectorMath::mantissa(llvm::Value* x) {
  const bool single = is_float32(x);
  const uint64_t field = single ? 0x7f800000 : 0x7ff0000000000000;
  const uint64_t one = single ? 0x3f800000 : 0x3ff0000000000000;
  llvm::Value* digits = ir_.CreateBitCast(x, integers(x));
  llvm::Value* exponent = ir_.CreateAnd(digits, bits(x, field));
  llvm::Value* result = ir_.CreateBitCast(
      ir_.CreateOr(ir_.CreateAnd(digits, bits(x, ~field)), bits(x, one)),
      x->getType());
  llvm::Value* is_zero = ir_.CreateICmpEQ(exponent, bits(x, 0));
  llvm::Value* is_special = ir_.CreateICmpEQ(exponent, bits(x, field));
  result = ir_.CreateSelect(is_zero, number(x, 0), result);
  return ir_.CreateSelect(is_special, x, result);
}

// log(1 + x) is log(u) x/(u - 1) with u = 1 + x rounded: Kahan's correction.
llvm::Value* VectorMath::log1p(llvm::Value* x) {
  llvm::Value* one = number(x, 1);
  llvm::Value* u = ir_.CreateFAdd(one, x);
  llvm::Value* rounded = ir_.CreateFSub(u, one);
  llvm::Value* corrected = ir_.CreateFMul(log(u), divide(x, rounded));
  llvm::Value* infinity = llvm::ConstantFP::getInfinity(x->getType());
  llvm::Value* result =
      ir_.CreateSelect(ir_.CreateFCmpOEQ(rounded, number(x, 0)), x, corrected);
  return ir_.CreateSelect(ir_.CreateFCmpOEQ(x, infinity), x, result);
}

llvm::Value* VectorMath::integer_power(llvm::Value* x, int64_t exponent) {
  llvm::Value* result = nullptr;
  llvm::Value* square = x;
  for (int64_t rest = exponent; rest > 0; rest /= 2) {
    if (rest % 2 == 1) {
      result = result == nullptr ? square : ir_.CreateFMul(result, square);
    }
    if (rest > 1) square = ir_.CreateFMul(square, square);
  }
  return result == nullptr ? number(x, 1) : result;
}

llvm::Value* VectorMath::pow(llvm::Value* x, double exponent) {
  const double size = std::abs(exponent);
  const double whole = std::trunc(size);
  llvm::Value* result = nullptr;
  if (size == whole && size <= 0x1p53) {
    result = integer_power(x, static_cast<int64_t>(size));
  } else if (size - whole == 0.5 && size <= 1024) {
    if (exponent == -0.5) return rsqrt(x);
    result = sqrt(x);
    if (whole > 0) {
      result =
          ir_.CreateFMul(integer_power(x, static_cast<int64_t>(whole)), result);
    }
  } else {
    return exp2(ir_.CreateFMul(log2(x), number(x, exponent)));
  }
  return exponent < 0 ? reciprocal(result) : result;
}

}  // namespace gramless
