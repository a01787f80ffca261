// SPDX-License-Identifier: MIT
// Tests the generated mathematics against the C library's functions of wider
// types, in units in the last place, for all vector widths.
//
// GRAMLESS_EXHAUSTIVE=1 in the environment takes all float numbers for exp2
// and log2; otherwise it is one in some thousands.
#include "gramless/codegen/vector_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <set>

#include "codegen/mapping.h"
#include "gramless/codegen/function_code.h"

namespace gramless {
namespace {

using testing::error_of;
using testing::Mapping;
using testing::mapping;

using Emit = llvm::Value* (VectorMath::*)(llvm::Value*);

struct MathFunction {
  const char* name;
  Emit emit;
  long double (*exact)(long double);
  /// For float, whose exact values double has.
  double (*exact_of_float)(double);
  double bound;
  /// Where random arguments come from, beside all powers of two times them.
  double low;
  double high;
};

#define GRAMLESS_MATH_FUNCTION(name, bound, low, high)                    \
  MathFunction {                                                          \
    #name, &VectorMath::name, [](long double x) { return std::name(x); }, \
        [](double x) { return std::name(x); }, bound, low, high           \
  }

const std::vector<MathFunction>& functions() {
  static const std::vector<MathFunction> all = {
      GRAMLESS_MATH_FUNCTION(exp2, 1.25, -130, 130),
      GRAMLESS_MATH_FUNCTION(log2, 1.5, 0.25, 4),
      GRAMLESS_MATH_FUNCTION(log, 2.5, 0.25, 4),
      GRAMLESS_MATH_FUNCTION(log1p, 4, -0.9, 3),
      {"sqrt", &VectorMath::sqrt, [](long double x) { return std::sqrt(x); },
       [](double x) { return std::sqrt(x); }, 1, 0, 10},
      {"reciprocal", &VectorMath::reciprocal,
       [](long double x) { return 1 / x; }, [](double x) { return 1 / x; }, 1,
       -10, 10},
      {"rsqrt", &VectorMath::rsqrt,
       [](long double x) { return 1 / std::sqrt(x); },
       [](double x) { return 1 / std::sqrt(x); }, 1.5, 0, 10},
      GRAMLESS_MATH_FUNCTION(sin, 2.5, -20, 20),
      GRAMLESS_MATH_FUNCTION(cos, 2.5, -20, 20),
      GRAMLESS_MATH_FUNCTION(tan, 5, -20, 20),
      GRAMLESS_MATH_FUNCTION(asin, 5, -1, 1),
      GRAMLESS_MATH_FUNCTION(acos, 5, -1, 1),
      GRAMLESS_MATH_FUNCTION(atan, 5, -4, 4),
      GRAMLESS_MATH_FUNCTION(sinh, 5, -4, 4),
      GRAMLESS_MATH_FUNCTION(cosh, 5, -4, 4),
      GRAMLESS_MATH_FUNCTION(tanh, 5, -4, 4),
      GRAMLESS_MATH_FUNCTION(abs, 0, -4, 4),
      GRAMLESS_MATH_FUNCTION(floor, 0, -4, 4),
      {"round", &VectorMath::round,
       [](long double x) { return std::nearbyint(x); },
       [](double x) { return std::nearbyint(x); }, 0, -4, 4},
  };
  return all;
}

template <class T>
auto exact_value(const MathFunction& function, T x) {
  if constexpr (sizeof(T) == 4) {
    return function.exact_of_float(static_cast<double>(x));
  } else {
    return function.exact(static_cast<long double>(x));
  }
}

/// Returns random numbers from the function's range, random bits, and edges.
template <class T>
std::vector<T> arguments_of(const MathFunction& function) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> range(function.low, function.high);
  std::uniform_int_distribution<int> exponents(-60, 60);
  std::vector<T> x;
  for (int k = 0; k < 20000; ++k) {
    x.push_back(static_cast<T>(range(random)));
    x.push_back(static_cast<T>(std::ldexp(range(random), exponents(random))));
    using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    x.push_back(std::bit_cast<T>(static_cast<Bits>(random())));
  }
  using Limits = std::numeric_limits<T>;
  for (const T edge : {T(0),
                       T(1),
                       T(0.5),
                       T(1) + Limits::epsilon(),
                       T(1) - Limits::epsilon() / 2,
                       Limits::min(),
                       Limits::max(),
                       Limits::infinity(),
                       Limits::quiet_NaN(),
                       T(1.5),
                       T(2.5),
                       T(1 << 20),
                       T(3.14159265358979),
                       T(1.5707963267948966),
                       T(88.5),
                       T(89.4),
                       T(710),
                       T(127.99999),
                       T(128),
                       T(-126),
                       T(-126.5),
                       T(1023.9999),
                       T(1024)}) {
    x.push_back(edge);
    x.push_back(-edge);
  }
  for (T& each : x) {
    if (std::isnan(each)) each = Limits::quiet_NaN();
  }
  // Arguments below the normal numbers may be taken as 0.
  std::erase_if(
      x, [](T each) { return each != 0 && std::abs(each) < Limits::min(); });
  return x;
}

struct Width {
  VectorIsa isa;
  unsigned bytes;  // 0 for a scalar.
};

class VectorMathTest : public ::testing::TestWithParam<Width> {
 protected:
  template <class T>
  void check_all_functions() {
    const Target target = host_target(GetParam().isa);
    if (target.isa != GetParam().isa) {
      GTEST_SKIP() << "this processor has no " << isa_name(GetParam().isa);
    }
    const unsigned width =
        std::max(1U, GetParam().bytes / static_cast<unsigned>(sizeof(T)));
    for (const MathFunction& function : functions()) {
      const Mapping<T> map(target, width, [&](VectorMath& math, auto* x) {
        return (math.*function.emit)(x);
      });
      const std::vector<T> x = arguments_of<T>(function);
      const std::vector<T> y = map(x);
      double worst = 0;
      T where = 0;
      for (std::size_t k = 0; k < x.size(); ++k) {
        const double error = error_of(y[k], exact_value(function, x[k]));
        if (error <= worst) continue;
        worst = error;
        where = x[k];
      }
      EXPECT_LE(worst, function.bound)
          << function.name << " at " << std::hexfloat << where;
      RecordProperty(function.name, std::to_string(worst));
    }
  }
};

TEST_P(VectorMathTest, FloatsAreWithinTheBounds) {
  check_all_functions<float>();
}

TEST_P(VectorMathTest, DoublesAreWithinTheBounds) {
  if (std::numeric_limits<long double>::digits < 64) {
    GTEST_SKIP() << "long double is double here";
  }
  check_all_functions<double>();
}

INSTANTIATE_TEST_SUITE_P(Widths, VectorMathTest,
                         ::testing::Values(Width{VectorIsa::baseline, 0},
                                           Width{VectorIsa::baseline, 16},
                                           Width{VectorIsa::avx2, 0},
                                           Width{VectorIsa::avx2, 32},
                                           Width{VectorIsa::avx512, 0},
                                           Width{VectorIsa::avx512, 64}),
                         [](const ::testing::TestParamInfo<Width>& each) {
                           return std::string(isa_name(each.param.isa)) + "_" +
                                  std::to_string(each.param.bytes) + "_bytes";
                         });

/// Visits all float numbers but NaNs and denormal ones, or one in 4,099.
void check_floats(const MathFunction& function, const Target& target) {
  const bool all = std::getenv("GRAMLESS_EXHAUSTIVE") != nullptr;
  const uint64_t stride = all ? 1 : 4099;
  const Mapping<float> map(
      target, static_cast<unsigned>(target.vector_bytes) / 4,
      [&](VectorMath& math, auto* x) { return (math.*function.emit)(x); });
  double worst = 0;
  float where = 0;
  std::vector<float> x;
  const auto flush = [&] {
    const std::vector<float> y = map(x);
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double error =
          error_of(y[k], function.exact_of_float(static_cast<double>(x[k])));
      if (error <= worst) continue;
      worst = error;
      where = x[k];
    }
    x.clear();
  };
  for (uint64_t bits = 0; bits <= 0xffffffffU; bits += stride) {
    const auto number = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (number == 0 || std::isnormal(number) || std::isinf(number)) {
      x.push_back(number);
    }
    if (x.size() == 65536) flush();
  }
  flush();
  EXPECT_LE(worst, function.bound)
      << function.name << " at " << std::hexfloat << where;
  std::printf("%s: at most %.4f ulp, at %a (%s)\n", function.name, worst,
              static_cast<double>(where), isa_name(target.isa));
}

TEST(VectorMath, AllFloatsAreWithinTheBound) {
  const std::set<std::string> names = {"exp2", "log2", "sqrt", "reciprocal",
                                       "rsqrt"};
  for (const VectorIsa most :
       {VectorIsa::baseline, VectorIsa::avx2, VectorIsa::avx512}) {
    const Target target = host_target(most);
    if (target.isa != most) continue;
    for (const MathFunction& function : functions()) {
      if (names.contains(function.name)) check_floats(function, target);
    }
  }
}

/// Checks atan2(y, x) for all signs, many sizes and special numbers of x.
template <class T>
void check_atan2(T y) {
  using Limits = std::numeric_limits<T>;
  std::vector<T> x = {
      0, 1, y, Limits::max(), Limits::infinity(), Limits::quiet_NaN()};
  std::mt19937 random(3);
  std::uniform_real_distribution<double> exponents(-30, 30);
  while (x.size() < 500)
    x.push_back(static_cast<T>(std::exp2(exponents(random))));
  for (std::size_t k = x.size(); k-- > 0;) x.push_back(-x[k]);
  const Target target = host_target();
  const auto width =
      static_cast<unsigned>(target.vector_bytes / static_cast<int>(sizeof(T)));
  const Mapping<T> map(target, width, [&](VectorMath& math, llvm::Value* each) {
    return math.atan2(llvm::ConstantFP::get(each->getType(), llvm::APFloat(y)),
                      each);
  });
  const std::vector<T> angles = map(x);
  for (std::size_t k = 0; k < x.size(); ++k) {
    const auto exact =
        std::atan2(static_cast<long double>(y), static_cast<long double>(x[k]));
    EXPECT_LE(error_of(angles[k], exact), 5) << y << ", " << x[k];
  }
}

TEST(VectorMath, Atan2KnowsAllQuadrants) {
  for (const double y : {0.0, 1.0, 3e-5, 2.5, 1e300, HUGE_VAL, std::nan("")}) {
    for (const double sign : {1.0, -1.0}) {
      check_atan2(sign * y);
      check_atan2(static_cast<float>(sign * y));
    }
  }
}

TEST(VectorMath, ChoicesFollowTheirMeaning) {
  const double nan = std::nan("");
  const std::vector<double> x = {-HUGE_VAL, -2, -0.0, 0, 3, HUGE_VAL, nan};
  const Target target = host_target();
  const auto apply = [&](auto emit) {
    return Mapping<double>(target, 1, emit)(x);
  };
  const auto number = [](llvm::Value* like, double value) {
    return llvm::ConstantFP::get(like->getType(), value);
  };
  const auto sign =
      apply([](VectorMath& math, llvm::Value* a) { return math.sign(a); });
  const auto step =
      apply([](VectorMath& math, llvm::Value* a) { return math.step(a); });
  const auto largest = apply([&](VectorMath& math, llvm::Value* a) {
    return math.maximum(a, number(a, 1));
  });
  const auto other = apply([&](VectorMath& math, llvm::Value* a) {
    return math.maximum(number(a, 1), a);
  });
  const std::vector<double> signs = {-1, -1, 0, 0, 1, 1, nan};
  const std::vector<double> steps = {0, 0, 1, 1, 1, 1, 0};
  for (std::size_t k = 0; k < x.size(); ++k) {
    EXPECT_EQ(error_of(sign[k], signs[k]), 0) << x[k];
    EXPECT_EQ(step[k], steps[k]) << x[k];
    const double maximum = std::isnan(x[k]) ? nan : std::max(x[k], 1.0);
    EXPECT_EQ(error_of(largest[k], maximum), 0) << x[k];
    EXPECT_EQ(error_of(other[k], maximum), 0) << x[k];
  }
}

TEST(VectorMath, FunctionsHaveCodeOrAnExpansion) {
  for (const FunctionRow& row : function_table()) {
    if (!row.expansion.empty() || !row.exponent.empty()) continue;
    const auto emit = [&](VectorMath& math, llvm::Value* x) {
      const std::vector<llvm::Value*> operands(row.arity(), x);
      return emit_function(math, row.function, operands);
    };
    EXPECT_NO_THROW(mapping<double>(host_target(), 1, emit)) << row.name;
  }
}

TEST(VectorMath, Exp2OfAvx512UsesItsInstructions) {
  Target target = host_target();
  if (!target.triple.starts_with("x86_64")) GTEST_SKIP() << "not an x86-64";
  target.isa = VectorIsa::avx512;
  target.cpu = "x86-64-v4";
  target.features = "";
  target.vector_bytes = 64;
  const std::string code = cpu::assembly(mapping<float>(
      target, 16,
      [](VectorMath& math, llvm::Value* x) { return math.exp2(x); }));
  EXPECT_NE(code.find("vreduceps"), std::string::npos) << code;
  EXPECT_NE(code.find("vscalefps"), std::string::npos) << code;
}

}  // namespace
}  // namespace gramless
