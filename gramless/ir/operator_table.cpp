// SPDX-License-Identifier: MIT
// Holds the table of scalar functions.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "gramless/ir/operators.h"

namespace gramless {
namespace {

/// Applies a scalar function to a block of numbers.
template <auto Scalar>
void apply(const Operands& operands, double* result, int64_t count) {
  for (int64_t k = 0; k < count; ++k) {
    if constexpr (std::is_invocable_v<decltype(Scalar), double>) {
      result[k] = Scalar(operands[0][k]);
    } else if constexpr (std::is_invocable_v<decltype(Scalar), double,
                                             double>) {
      result[k] = Scalar(operands[0][k], operands[1][k]);
    } else {
      result[k] = Scalar(operands[0][k], operands[1][k], operands[2][k]);
    }
  }
}

/// Returns j_n(a)/a**n, j_n the spherical Bessel function: sin(a)/a for n = 0.
/// Near 0 by its series, elsewhere by the recursion in n.
template <int n>
double sinc(double a) {
  const double square = a * a;
  if (square < 1 + 2 * n * n) {
    double term = 1;
    for (int k = 1; k <= n; ++k) term /= 2 * k + 1;
    double sum = term;
    for (int k = 1; k < 20; ++k) {
      term *= -square / (2 * k * (2 * n + 2 * k + 1));
      sum += term;
    }
    return sum;
  }
  double before = std::cos(a);
  double value = std::sin(a) / a;
  for (int k = 0; k < n; ++k) {
    const double next = ((2 * k + 1) * value - before) / square;
    before = value;
    value = next;
  }
  return value;
}

double sign(double a) { return a > 0 ? 1 : a < 0 ? -1 : a; }

double mantissa(double a) {
  return a == 0 || !std::isfinite(a) ? a : std::scalbn(a, -std::ilogb(a));
}

double maximum(double a, double b) { return a >= b || std::isnan(a) ? a : b; }

double bounded(double a) {
  constexpr double kQuarter = std::numeric_limits<double>::max() / 4;
  return std::isfinite(a) ? std::clamp(a, -kQuarter, kQuarter) : a;
}

double capped(double a) {
  constexpr double kLargest = std::numeric_limits<double>::max_exponent - 1;
  return a > kLargest ? kLargest : a;
}

double root_domain(double a) {
  return a >= 0 ? 1 : std::numeric_limits<double>::quiet_NaN();
}

double zero_power(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return a + b;
  return a == 0 && b == 0 ? 1 : 0;
}

/// A distance from which on a Matérn kernel's factor is held constant, 2**64:
/// its exponential is 0 in any format, and inf*0 would be NaN.
constexpr double kFarAway = 0x1p64;

// The functions of q = r² below are smooth or pointed kernels of the distance
// r. Their derivatives are functions of q as well, so that a kernel that is
// smooth at coincident points stays smooth there, without a root of 0.
constexpr std::array kFunctionTable = {
    FunctionRow{Function::exp,
                "exp",
                apply<[](double a) { return std::exp(a); }>,
                {"exp(a)"},
                "exp2(1.4426950408889634*a)",
                -5,
                5,
                "The exponential.",
                Sign::nonnegative,
                "1",
                "a"},
    FunctionRow{Function::exp2,
                "exp2",
                apply<[](double a) { return std::exp2(a); }>,
                {"0.6931471805599453*exp2(a)"},
                "",
                -5,
                5,
                "2**a.",
                Sign::nonnegative},
    FunctionRow{Function::log,
                "log",
                apply<[](double a) { return std::log(a); }>,
                {"1/a"},
                "",
                0.1,
                5,
                "The natural logarithm."},
    FunctionRow{Function::log2,
                "log2",
                apply<[](double a) { return std::log2(a); }>,
                {"1.4426950408889634/a"},
                "",
                0.1,
                5,
                "The binary logarithm."},
    FunctionRow{Function::log1p,
                "log1p",
                apply<[](double a) { return std::log1p(a); }>,
                {"1/(1 + a)"},
                "",
                -0.5,
                5,
                "log(1 + a), accurate for small a.",
                Sign::as_operands},
    FunctionRow{Function::exponent,
                "exponent",
                apply<[](double a) { return std::logb(a); }>,
                {"0"},
                "",
                1.1,
                1.9,
                "The binary exponent of |a|: floor(log2(|a|))."},
    FunctionRow{Function::mantissa,
                "mantissa",
                apply<mantissa>,
                {"mantissa(a)*power0(a, -1)"},
                "",
                1.1,
                1.9,
                "a/2**exponent(a), of which 0, inf and NaN are their own.",
                Sign::as_operands},
    FunctionRow{Function::step,
                "step",
                apply<[](double a) { return a >= 0 ? 1.0 : 0.0; }>,
                {"0"},
                "",
                1,
                2,
                "1 where a >= 0, otherwise 0.",
                Sign::nonnegative},
    FunctionRow{Function::laplacian,
                "laplacian",
                apply<[](double a) { return std::exp(-std::sqrt(a)); }>,
                {"-laplacian(a)*rsqrt0(a)/2"},
                "",
                0.1,
                5,
                "exp(-sqrt(a)).",
                Sign::nonnegative,
                "1",
                "-sqrt(a)"},
    FunctionRow{Function::matern32,
                "matern32",
                apply<[](double a) {
                  const double r = std::sqrt(a);
                  return (1 + std::min(r, kFarAway)) * std::exp(-r);
                }>,
                {"-laplacian(a)/2"},
                "",
                0,
                5,
                "(1 + sqrt(a)) exp(-sqrt(a)).",
                Sign::nonnegative,
                "1 - max(-sqrt(a), -18446744073709551616)",
                "-sqrt(a)",
                "log_matern32(a)"},
    FunctionRow{Function::matern52,
                "matern52",
                apply<[](double a) {
                  const double r = std::sqrt(a);
                  const double near = std::min(r, kFarAway);
                  return (1 + near + near * near / 3) * std::exp(-r);
                }>,
                {"-matern32(a)/6"},
                "",
                0,
                5,
                "(1 + sqrt(a) + a/3) exp(-sqrt(a)).",
                Sign::nonnegative,
                "1 - max(-sqrt(a), -18446744073709551616)"
                " - max(-a/3, -1.1342745564031282e38)",
                "-sqrt(a)",
                "log_matern52(a)"},
    FunctionRow{Function::log_matern32,
                "log_matern32",
                apply<[](double a) {
                  const double r = std::sqrt(a);
                  return std::log1p(std::min(r, kFarAway)) - r;
                }>,
                {"-1/(2*(1 + sqrt(a)))"},
                "log1p(-max(-sqrt(a), -18446744073709551616)) - sqrt(a)",
                0,
                5,
                "The logarithm of matern32(a)."},
    FunctionRow{Function::log_matern52,
                "log_matern52",
                apply<[](double a) {
                  const double r = std::sqrt(a);
                  const double near = std::min(r, kFarAway);
                  return std::log1p(near + near * near / 3) - r;
                }>,
                {"-(1 - max(-sqrt(a), -18446744073709551616))"
                 "/(6*(1 - max(-sqrt(a), -18446744073709551616)"
                 " - max(-a/3, -1.1342745564031282e38)))"},
                "log1p(-max(-sqrt(a), -18446744073709551616)"
                " - max(-a/3, -1.1342745564031282e38)) - sqrt(a)",
                0,
                5,
                "The logarithm of matern52(a)."},
    FunctionRow{Function::sin,
                "sin",
                apply<[](double a) { return std::sin(a); }>,
                {"cos(a)"},
                "",
                -9,
                9,
                "The sine of an angle in radians."},
    FunctionRow{Function::cos,
                "cos",
                apply<[](double a) { return std::cos(a); }>,
                {"-sin(a)"},
                "",
                -9,
                9,
                "The cosine of an angle in radians."},
    FunctionRow{Function::tan,
                "tan",
                apply<[](double a) { return std::tan(a); }>,
                {"1 + tan(a)**2"},
                "",
                -1.2,
                1.2,
                "The tangent of an angle in radians."},
    FunctionRow{Function::asin,
                "asin",
                apply<[](double a) { return std::asin(a); }>,
                {"rsqrt(1 - a**2)"},
                "",
                -0.9,
                0.9,
                "The inverse of the sine, in [-pi/2, pi/2].",
                Sign::as_operands},
    FunctionRow{Function::acos,
                "acos",
                apply<[](double a) { return std::acos(a); }>,
                {"-rsqrt(1 - a**2)"},
                "",
                -0.9,
                0.9,
                "The inverse of the cosine, in [0, pi].",
                Sign::nonnegative},
    FunctionRow{Function::atan,
                "atan",
                apply<[](double a) { return std::atan(a); }>,
                {"1/(1 + a**2)"},
                "",
                -5,
                5,
                "The inverse of the tangent, in [-pi/2, pi/2].",
                Sign::as_operands},
    FunctionRow{Function::sinh,
                "sinh",
                apply<[](double a) { return std::sinh(a); }>,
                {"cosh(a)"},
                "",
                -5,
                5,
                "The hyperbolic sine.",
                Sign::as_operands},
    FunctionRow{Function::cosh,
                "cosh",
                apply<[](double a) { return std::cosh(a); }>,
                {"sinh(a)"},
                "",
                -5,
                5,
                "The hyperbolic cosine.",
                Sign::nonnegative},
    FunctionRow{Function::tanh,
                "tanh",
                apply<[](double a) { return std::tanh(a); }>,
                {"1 - tanh(a)**2"},
                "",
                -5,
                5,
                "The hyperbolic tangent.",
                Sign::as_operands},
    FunctionRow{Function::abs,
                "abs",
                apply<[](double a) { return std::abs(a); }>,
                {"sign(a)"},
                "",
                0.1,
                5,
                "|a|, with derivative 0 at 0.",
                Sign::nonnegative},
    FunctionRow{Function::sign,
                "sign",
                apply<sign>,
                {"0"},
                "",
                0.1,
                5,
                "1 above 0, -1 below, 0 at 0.",
                Sign::as_operands},
    FunctionRow{Function::floor,
                "floor",
                apply<[](double a) { return std::floor(a); }>,
                {"0"},
                "",
                1.1,
                1.9,
                "The largest integer that is not above a.",
                Sign::as_operands},
    FunctionRow{Function::round,
                "round",
                apply<[](double a) { return std::nearbyint(a); }>,
                {"0"},
                "",
                0.6,
                1.4,
                "The nearest integer, the even one of two.",
                Sign::as_operands},
    FunctionRow{Function::sinc,
                "sinc",
                apply<sinc<0>>,
                {"-a*sinc1(a)"},
                "select(a**2 - 0.01, sin(a)/a, (1 - a**2/6*(1 - a**2/20*(1 "
                "- a**2/42*(1 - a**2/72*(1 - a**2/110*(1 - a**2/156)))))))",
                -6,
                6,
                "sin(a)/a, 1 at 0."},
    FunctionRow{Function::sinc1,
                "sinc1",
                apply<sinc<1>>,
                {"-a*sinc2(a)"},
                "select(a**2 - 1, (sin(a)/a - cos(a))/a**2, (1 - a**2/10*(1"
                " - a**2/28*(1 - a**2/54*(1 - a**2/88*(1 - a**2/130*(1 - a*"
                "*2/180*(1 - a**2/238*(1 - a**2/304*(1 - a**2/378*(1 - a**2"
                "/460))))))))))/3)",
                -6,
                6,
                "-sinc'(a)/a, smooth at 0."},
    FunctionRow{Function::sinc2,
                "sinc2",
                apply<sinc<2>>,
                {"-a*sinc3(a)"},
                "select(a**2 - 4, ((3 - a**2)*sin(a)/a - 3*cos(a))/a**4, (1"
                " - a**2/14*(1 - a**2/36*(1 - a**2/66*(1 - a**2/104*(1 - a*"
                "*2/150*(1 - a**2/204*(1 - a**2/266*(1 - a**2/336*(1 - a**2"
                "/414*(1 - a**2/500*(1 - a**2/594*(1 - a**2/696))))))))))))"
                "/15)",
                -6,
                6,
                "-sinc1'(a)/a, smooth at 0."},
    FunctionRow{Function::sinc3,
                "sinc3",
                apply<sinc<3>>,
                {"power0(a, -1)*(sinc2(a) - 7*sinc3(a))"},
                "select(a**2 - 9, ((15 - 6*a**2)*sin(a)/a - (15 - a**2)*cos"
                "(a))/a**6, (1 - a**2/18*(1 - a**2/44*(1 - a**2/78*(1 - a**"
                "2/120*(1 - a**2/170*(1 - a**2/228*(1 - a**2/294*(1 - a**2/"
                "368*(1 - a**2/450*(1 - a**2/540*(1 - a**2/638*(1 - a**2/74"
                "4*(1 - a**2/858)))))))))))))/105)",
                -6,
                6,
                "-sinc2'(a)/a, smooth at 0."},
    FunctionRow{Function::maximum,
                "max",
                apply<maximum>,
                {"select(a - b, 1, 0)", "select(a - b, 0, 1)"},
                "",
                -5,
                5,
                "The larger of a and b; a where they are equal.",
                Sign::as_one_operand},
    FunctionRow{Function::capped,
                "capped",
                apply<capped>,
                {"1"},
                "",
                -5,
                5,
                "a, but at most so large that exp2(a) is a number.",
                Sign::as_operands},
    FunctionRow{
        Function::times_square,
        "times_square",
        apply<[](double a, double b, double c) { return (a * c) * (b * c); }>,
        {"b*c**2", "a*c**2", "2*a*b*c"},
        "",
        0.1,
        5,
        "(a*c)*(b*c): 0 where a or b is 0 and c is a number.",
        Sign::as_operands},
    FunctionRow{Function::rounded,
                "rounded",
                apply<[](double a) { return a; }>,
                {"1"},
                "",
                -5,
                5,
                "a, rounded before it is used: not fused with an addition.",
                Sign::as_operands},
    FunctionRow{Function::bounded,
                "bounded",
                apply<bounded>,
                {"1"},
                "",
                -5,
                5,
                "a; if finite, clamped to a quarter of the format's range.",
                Sign::as_operands},
    FunctionRow{Function::root_domain,
                "root_domain",
                apply<root_domain>,
                {"0"},
                "",
                0.1,
                5,
                "1 where a >= 0, otherwise NaN.",
                Sign::nonnegative},
    FunctionRow{Function::product0,
                "product0",
                apply<[](double a, double b) { return a == 0 ? 0 : a * b; }>,
                {"b", "a"},
                "select(-abs(a), 0, a*b)",
                0.1,
                5,
                "a*b, and 0 where a = 0, whatever b is.",
                Sign::as_operands},
    FunctionRow{Function::zero_power,
                "zero_power",
                apply<zero_power>,
                {"b*zero_power(a, b - 1)", "0"},
                "(1 - sign(a)**2)*(1 - sign(b)**2)",
                0.1,
                5,
                "1 where a = 0 and b = 0, otherwise 0: a whole power of 0.",
                Sign::nonnegative},
    FunctionRow{Function::atan2,
                "atan2",
                apply<[](double a, double b) { return std::atan2(a, b); }>,
                {"b/(a**2 + b**2)", "-a/(a**2 + b**2)"},
                "",
                0.1,
                5,
                "The angle of the point (b, a), in [-pi, pi]."},
    FunctionRow{
        Function::select,
        "select",
        apply<[](double a, double b, double c) { return a >= 0 ? b : c; }>,
        {"0", "select(a, 1, 0)", "select(a, 0, 1)"},
        "",
        0.1,
        5,
        "b where a >= 0, otherwise c.",
        Sign::as_branches},
};

}  // namespace

std::span<const FunctionRow> function_table() { return kFunctionTable; }

}  // namespace gramless
