// SPDX-License-Identifier: MIT
// Implements the trigonometric and hyperbolic functions of VectorMath.
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "gramless/codegen/large_angle.h"
#include "gramless/codegen/loops.h"
#include "gramless/codegen/vector_math.h"

namespace gramless {
namespace {

// Minimax polynomials, found by Remez exchange in 50 digits, and the largest
// relative error of the function. For |x| <= pi/4:
// sin(x) = x + x³ S(x²), 3.6e-9 and 3.5e-18.
constexpr std::array kSinFloat = {
    -0x1.555546p-3,
    0x1.11075ep-7,
    -0x1.994dfep-13,
};
constexpr std::array kSinDouble = {
    -0x1.5555555555549p-3, 0x1.111111110f879p-7,   -0x1.a01a019c112edp-13,
    0x1.71de35773369fp-19, -0x1.ae5e65bc64485p-26, 0x1.5d92d6dd0c008p-33,
};
// cos(x) = 1 - x²/2 + x⁴ C(x²), 9.6e-11 and 4.7e-20.
constexpr std::array kCosFloat = {
    0x1.55554ap-5,
    -0x1.6c0c8ap-10,
    0x1.9a0204p-16,
};
constexpr std::array kCosDouble = {
    0x1.555555555554cp-5,   -0x1.6c16c16c151aap-10, 0x1.a01a019cb5546p-16,
    -0x1.27e4f80c205b4p-22, 0x1.1ee9ed2ec1cd2p-29,  -0x1.8faf2e2653dcap-37,
};
// atan(x) = x + x³ A(x²) for |x| <= tan(pi/8), 6.6e-10 and 1.3e-18.
constexpr std::array kAtanFloat = {
    -0x1.55554ap-2, 0x1.9991b4p-3,  -0x1.23b724p-3,
    0x1.b20790p-4,  -0x1.f26f00p-5,
};
constexpr std::array kAtanDouble = {
    -0x1.555555555553ep-2, 0x1.9999999995a15p-3,  -0x1.24924922b72d2p-3,
    0x1.c71c70e9ac17dp-4,  -0x1.745cf93f1845cp-4, 0x1.3b111fa8e8e20p-4,
    -0x1.10ebffafb2e8dp-4, 0x1.df13334a64f62p-5,  -0x1.9ce3b8f45f2ccp-5,
    0x1.37ff5f153c154p-5,  -0x1.25c2e436ee346p-6,
};
// asin(x) = x + x³ B(x²) for |x| <= 1/2, 5.0e-9 and 9.9e-19.
constexpr std::array kAsinFloat = {
    0x1.5555cap-3, 0x1.330152p-4, 0x1.748cb8p-5, 0x1.8b9a74p-6, 0x1.59e4b2p-5,
};
constexpr std::array kAsinDouble = {
    0x1.5555555555577p-3, 0x1.333333332e07bp-4, 0x1.6db6db721db8ep-5,
    0x1.f1c71a9003913p-6, 0x1.6e8bdf78faafcp-6, 0x1.1c49e4f07fd11p-6,
    0x1.ca20ac3eb4c9ep-7, 0x1.757c0be299b20p-7, 0x1.617336f7fbd23p-7,
    0x1.e2a942712dd4ap-9, 0x1.64a1ed0fbecf7p-6, -0x1.5975414caf5f6p-6,
    0x1.0bbdcf6234275p-5,
};
// sinh(x) = x + x³ H(x²) for |x| <= 1, 5.7e-11 and 9.5e-20.
constexpr std::array kSinhFloat = {
    0x1.555556p-3,
    0x1.111136p-7,
    0x1.9ffe04p-13,
    0x1.7a287ep-19,
};
constexpr std::array kSinhDouble = {
    0x1.5555555555556p-3,  0x1.11111111110a0p-7,  0x1.a01a01a029306p-13,
    0x1.71de3a45e9191p-19, 0x1.ae6467724ace3p-26, 0x1.611a355920124p-33,
    0x1.b4d0f9e3642dfp-41,
};

constexpr double kHalfPi = std::numbers::pi / 2;
constexpr double kHalfPiTail = 0x1.1a62633145c07p-54;
// pi/2 in three parts; integer multiples up to 2**20 of the first two are
// exact.
constexpr std::array kHalfPiParts = {
    0x1.921fb544p+0,
    0x1.0b4611a6p-34,
    0x1.3198a2e037073p-69,
};
// Where larger angles are reduced by integers.
constexpr double kLargeAngle = 0x1p20;

}  // namespace

// Angles are reduced in double also for float: one product and three exact
// steps, while the numbers of quarters have at most 20 bits.
VectorMath::Angle VectorMath::reduce(llvm::Value* x) {
  const llvm::IRBuilderBase::FastMathFlagGuard guard(ir_);
  ir_.clearFastMathFlags();
  llvm::Value* angle =
      is_float32(x) ? ir_.CreateFPExt(x, shaped(x, ir_.getDoubleTy())) : x;
  llvm::Value* magic = number(angle, 0x1.8p52);
  llvm::Value* shifted =
      ir_.CreateFAdd(ir_.CreateFMul(angle, number(angle, 1 / kHalfPi)), magic);
  llvm::Value* whole = ir_.CreateFSub(shifted, magic);
  llvm::Value* rest = angle;
  for (const double part : kHalfPiParts) {
    rest = ir_.CreateFSub(rest, ir_.CreateFMul(whole, number(angle, part)));
  }
  llvm::Value* is_large =
      ir_.CreateFCmpUGE(abs(angle), number(angle, kLargeAngle));
  Angle result = reduce_large(
      angle, is_large, {ir_.CreateBitCast(shifted, integers(angle)), rest});
  if (is_float32(x)) {
    result.quarters = ir_.CreateTrunc(result.quarters, integers(x));
    result.rest = ir_.CreateFPTrunc(result.rest, x->getType());
  }
  return result;
}

VectorMath::Angle VectorMath::reduce_large(llvm::Value* x,
                                           llvm::Value* is_large, Angle angle) {
  llvm::Function* large_angle = large_angle_function(ir_);
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
  const auto lanes =
      ir_.getInt64(vector == nullptr ? 1 : vector->getNumElements());
  llvm::Value* any =
      vector == nullptr ? is_large : ir_.CreateOrReduce(is_large);
  llvm::Value* size = ir_.CreateBitCast(abs(x), integers(x));
  // Skipped if no lane has a large angle.
  llvm::Value* end = ir_.CreateSelect(any, lanes, ir_.getInt64(0));
  const auto lane_of = [&](llvm::Value* values, llvm::Value* lane) {
    return vector == nullptr ? values : ir_.CreateExtractElement(values, lane);
  };
  const auto with_lane = [&](llvm::Value* values, llvm::Value* one,
                             llvm::Value* lane) {
    return vector == nullptr ? one : ir_.CreateInsertElement(values, one, lane);
  };
  const Registers reduced = emit_loop(
      ir_, {ir_.getInt64(0), end, ir_.getInt64(1)},
      {llvm::Constant::getNullValue(integers(x)),
       llvm::Constant::getNullValue(x->getType())},
      [&](llvm::Value* lane, const Registers& carried) -> Registers {
        // The results for small angles and NaN are discarded.
        llvm::Value* bits = ir_.CreateBinaryIntrinsic(
            llvm::Intrinsic::umax, lane_of(size, lane),
            ir_.getInt64(std::bit_cast<uint64_t>(kLargeAngle)));
        bits = ir_.CreateBinaryIntrinsic(
            llvm::Intrinsic::umin, bits,
            ir_.getInt64(std::bit_cast<uint64_t>(HUGE_VAL)));
        llvm::Value* one = ir_.CreateCall(large_angle, {bits});
        return {with_lane(carried[0], ir_.CreateExtractValue(one, 0), lane),
                with_lane(carried[1], ir_.CreateExtractValue(one, 1), lane)};
      });
  llvm::Value* is_negative = ir_.CreateFCmpOLT(x, number(x, 0));
  llvm::Value* quarters =
      ir_.CreateSelect(is_negative, ir_.CreateNeg(reduced[0]), reduced[0]);
  llvm::Value* rest =
      ir_.CreateSelect(is_negative, ir_.CreateFNeg(reduced[1]), reduced[1]);
  // inf and NaN have no angle.
  rest = ir_.CreateFAdd(rest, ir_.CreateFMul(x, number(x, 0)));
  return {ir_.CreateSelect(is_large, quarters, angle.quarters),
          ir_.CreateSelect(is_large, rest, angle.rest)};
}

llvm::Value* VectorMath::sine(const Angle& angle, uint64_t more_quarters) {
  llvm::Value* r = angle.rest;
  const bool single = is_float32(r);
  llvm::Value* square = ir_.CreateFMul(r, r);
  llvm::Value* s =
      single ? polynomial(square, kSinFloat) : polynomial(square, kSinDouble);
  s = fma(ir_.CreateFMul(r, square), s, r);
  llvm::Value* c =
      single ? polynomial(square, kCosFloat) : polynomial(square, kCosDouble);
  c = fma(ir_.CreateFMul(square, square), c,
          fma(square, number(r, -0.5), number(r, 1)));
  llvm::Value* quarters = ir_.CreateAdd(angle.quarters, bits(r, more_quarters));
  llvm::Value* is_odd =
      ir_.CreateICmpNE(ir_.CreateAnd(quarters, bits(r, 1)), bits(r, 0));
  llvm::Value* is_negative =
      ir_.CreateICmpNE(ir_.CreateAnd(quarters, bits(r, 2)), bits(r, 0));
  llvm::Value* value = ir_.CreateSelect(is_odd, c, s);
  return ir_.CreateSelect(is_negative, ir_.CreateFNeg(value), value);
}

llvm::Value* VectorMath::sin(llvm::Value* x) { return sine(reduce(x), 0); }

llvm::Value* VectorMath::cos(llvm::Value* x) { return sine(reduce(x), 1); }

llvm::Value* VectorMath::tan(llvm::Value* x) {
  const Angle angle = reduce(x);
  return ir_.CreateFDiv(sine(angle, 0), sine(angle, 1));
}

// Beyond tan(pi/8): pi/4 + atan((x - 1)/(x + 1)); beyond tan(3 pi/8): pi/2 -
// atan(1/x).
llvm::Value* VectorMath::atan(llvm::Value* x) {
  llvm::Value* size = abs(x);
  llvm::Value* one = number(x, 1);
  llvm::Value* is_medium =
      ir_.CreateFCmpOGT(size, number(x, std::numbers::sqrt2 - 1));
  llvm::Value* is_large =
      ir_.CreateFCmpOGT(size, number(x, std::numbers::sqrt2 + 1));
  const auto choose = [&](llvm::Value* small, llvm::Value* medium,
                          llvm::Value* large) {
    return ir_.CreateSelect(is_large, large,
                            ir_.CreateSelect(is_medium, medium, small));
  };
  llvm::Value* t =
      ir_.CreateFDiv(choose(size, ir_.CreateFSub(size, one), number(x, -1)),
                     choose(one, ir_.CreateFAdd(size, one), size));
  const bool single = is_float32(x);
  const double head = single ? static_cast<float>(kHalfPi) : kHalfPi;
  const double tail = single ? kHalfPi - head : kHalfPiTail;
  llvm::Value* zero = number(x, 0);
  llvm::Value* square = ir_.CreateFMul(t, t);
  llvm::Value* p =
      single ? polynomial(square, kAtanFloat) : polynomial(square, kAtanDouble);
  llvm::Value* small = choose(zero, number(x, tail / 2), number(x, tail));
  small = fma(ir_.CreateFMul(t, square), p, small);
  llvm::Value* result =
      ir_.CreateFAdd(choose(zero, number(x, head / 2), number(x, head)),
                     ir_.CreateFAdd(t, small));
  return copysign(result, x);
}

llvm::Value* VectorMath::atan2(llvm::Value* y, llvm::Value* x) {
  llvm::Value* height = abs(y);
  llvm::Value* width = abs(x);
  llvm::Value* one = number(x, 1);
  llvm::Value* zero = number(x, 0);
  llvm::Value* slope = ir_.CreateFDiv(height, width);
  // Also where both are infinite, or zero.
  slope = ir_.CreateSelect(ir_.CreateFCmpOEQ(height, width), one, slope);
  slope = ir_.CreateSelect(ir_.CreateFCmpOEQ(height, zero), zero, slope);
  slope = ir_.CreateSelect(ir_.CreateFCmpUNO(x, y),
                           llvm::ConstantFP::getNaN(x->getType()), slope);
  llvm::Value* angle = atan(slope);
  const bool single = is_float32(x);
  const double head = single ? static_cast<float>(2 * kHalfPi) : 2 * kHalfPi;
  const double tail = single ? 2 * kHalfPi - head : 2 * kHalfPiTail;
  llvm::Value* opposite =
      ir_.CreateFSub(number(x, head), ir_.CreateFSub(angle, number(x, tail)));
  llvm::Value* is_left = ir_.CreateFCmpOLT(copysign(one, x), zero);
  return copysign(ir_.CreateSelect(is_left, opposite, angle), y);
}

llvm::Value* VectorMath::small_asin(llvm::Value* x, llvm::Value* square) {
  llvm::Value* p = is_float32(x) ? polynomial(square, kAsinFloat)
                                 : polynomial(square, kAsinDouble);
  return fma(ir_.CreateFMul(x, square), p, x);
}

// Beyond 1/2: asin(x) = pi/2 - 2 asin(sqrt((1 - x)/2)).
llvm::Value* VectorMath::asin(llvm::Value* x) {
  llvm::Value* size = abs(x);
  llvm::Value* is_large = ir_.CreateFCmpOGT(size, number(x, 0.5));
  llvm::Value* rest =
      ir_.CreateFMul(ir_.CreateFSub(number(x, 1), size), number(x, 0.5));
  llvm::Value* square = ir_.CreateSelect(is_large, rest, ir_.CreateFMul(x, x));
  llvm::Value* part =
      small_asin(ir_.CreateSelect(is_large, sqrt(rest), size), square);
  const bool single = is_float32(x);
  const double head = single ? static_cast<float>(kHalfPi) : kHalfPi;
  const double tail = single ? kHalfPi - head : kHalfPiTail;
  llvm::Value* large = ir_.CreateFSub(
      number(x, head), fma(part, number(x, 2), number(x, -tail)));
  return copysign(ir_.CreateSelect(is_large, large, part), x);
}

llvm::Value* VectorMath::acos(llvm::Value* x) {
  llvm::Value* size = abs(x);
  llvm::Value* is_large = ir_.CreateFCmpOGT(size, number(x, 0.5));
  llvm::Value* is_negative = ir_.CreateFCmpOLT(x, number(x, 0));
  llvm::Value* rest =
      ir_.CreateFMul(ir_.CreateFSub(number(x, 1), size), number(x, 0.5));
  llvm::Value* square = ir_.CreateSelect(is_large, rest, ir_.CreateFMul(x, x));
  llvm::Value* part =
      small_asin(ir_.CreateSelect(is_large, sqrt(rest), x), square);
  const bool single = is_float32(x);
  const double head = single ? static_cast<float>(kHalfPi) : kHalfPi;
  const double tail = single ? kHalfPi - head : kHalfPiTail;
  llvm::Value* twice = ir_.CreateFMul(part, number(x, 2));
  llvm::Value* left = ir_.CreateFSub(
      number(x, 2 * head), ir_.CreateFSub(twice, number(x, 2 * tail)));
  llvm::Value* middle =
      ir_.CreateFSub(number(x, head), ir_.CreateFSub(part, number(x, tail)));
  return ir_.CreateSelect(is_large, ir_.CreateSelect(is_negative, left, twice),
                          middle);
}

llvm::Value* VectorMath::power_of_two(llvm::Value* like,
                                      llvm::Value* exponent) {
  const bool single = is_float32(like);
  llvm::Value* field = ir_.CreateAdd(exponent, bits(like, single ? 127 : 1023));
  return ir_.CreateBitCast(ir_.CreateShl(field, bits(like, single ? 23 : 52)),
                           like->getType());
}

// exp(x)/2 = 2**(n - 1) exp(r), r = x - n log(2), scaled in two steps, so that
// neither factor over- or underflows where the result does not.
llvm::Value* VectorMath::half_exp(llvm::Value* x) {
  const bool single = is_float32(x);
  const double limit = single ? 120 : 900;
  // log(2) in two parts, of which whole multiples of the first are exact.
  const double head = single ? 0x1.62ep-1 : 0x1.62e42feep-1;
  const double tail = single ? 0x1.0bfbe8p-15 : 0x1.a39ef35793c76p-33;
  x = smaller(number(x, limit), larger(number(x, -limit), x));
  llvm::Value* whole = round(ir_.CreateFMul(x, number(x, std::numbers::log2e)));
  llvm::Value* rest =
      ir_.CreateFSub(ir_.CreateFSub(x, ir_.CreateFMul(whole, number(x, head))),
                     ir_.CreateFMul(whole, number(x, tail)));
  llvm::Value* power =
      exp2(ir_.CreateFMul(rest, number(x, std::numbers::log2e)));
  llvm::Value* exponent = ir_.CreateFPToSI(whole, integers(x));
  exponent = ir_.CreateSub(exponent, bits(x, 1));
  llvm::Value* half = ir_.CreateAShr(exponent, bits(x, 1));
  power = ir_.CreateFMul(power, power_of_two(x, half));
  return ir_.CreateFMul(power, power_of_two(x, ir_.CreateSub(exponent, half)));
}

llvm::Value* VectorMath::small_sinh(llvm::Value* x) {
  llvm::Value* square = ir_.CreateFMul(x, x);
  llvm::Value* p = is_float32(x) ? polynomial(square, kSinhFloat)
                                 : polynomial(square, kSinhDouble);
  return fma(ir_.CreateFMul(x, square), p, x);
}

llvm::Value* VectorMath::sinh(llvm::Value* x) {
  llvm::Value* size = abs(x);
  llvm::Value* half = half_exp(size);
  llvm::Value* large =
      ir_.CreateFSub(half, ir_.CreateFDiv(number(x, 0.25), half));
  llvm::Value* is_small = ir_.CreateFCmpOLT(size, number(x, 1));
  llvm::Value* result = ir_.CreateSelect(is_small, small_sinh(size), large);
  result = ir_.CreateSelect(ir_.CreateFCmpUNO(x, x), x, result);
  return copysign(result, x);
}

llvm::Value* VectorMath::cosh(llvm::Value* x) {
  llvm::Value* half = half_exp(abs(x));
  llvm::Value* result =
      ir_.CreateFAdd(half, ir_.CreateFDiv(number(x, 0.25), half));
  return ir_.CreateSelect(ir_.CreateFCmpUNO(x, x), x, result);
}

llvm::Value* VectorMath::tanh(llvm::Value* x) {
  const double limit = is_float32(x) ? 10 : 20;
  llvm::Value* size = abs(x);
  llvm::Value* within = ir_.CreateSelect(
      ir_.CreateFCmpOGT(size, number(x, limit)), number(x, limit), size);
  llvm::Value* result = ir_.CreateFDiv(sinh(within), cosh(within));
  return copysign(result, x);
}

}  // namespace gramless
