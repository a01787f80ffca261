// SPDX-License-Identifier: MIT
// Holds the table of scalar functions, and integer and real powers.
#include "gramless/ir/operators.h"

#include <array>
#include <cmath>
#include <limits>

#include "gramless/base/error.h"

namespace gramless {
namespace {

/// Applies a scalar function to a block of numbers.
template <auto Scalar>
void apply(const double* a, double* result, int64_t count) {
  for (int64_t k = 0; k < count; ++k) result[k] = Scalar(a[k]);
}

// The functions of q = r² below are smooth or pointed kernels of the distance
// r. Their derivatives are functions of q as well, so that a kernel that is
// smooth at coincident points stays smooth there, without a root of 0.
constexpr std::array kFunctionTable = {
    FunctionRow{Function::exp, "exp",
                apply<[](double a) { return std::exp(a); }>, "exp(a)",
                "exp2(1.4426950408889634*a)", -5, 5, "The exponential."},
    FunctionRow{Function::exp2, "exp2",
                apply<[](double a) { return std::exp2(a); }>,
                "0.6931471805599453*exp2(a)", "", -5, 5, "2**a."},
    FunctionRow{Function::log, "log",
                apply<[](double a) { return std::log(a); }>, "1/a", "", 0.1, 5,
                "The natural logarithm."},
    FunctionRow{Function::log2, "log2",
                apply<[](double a) { return std::log2(a); }>,
                "1.4426950408889634/a", "", 0.1, 5, "The binary logarithm."},
    FunctionRow{Function::log1p, "log1p",
                apply<[](double a) { return std::log1p(a); }>, "1/(1 + a)", "",
                -0.5, 5, "log(1 + a), accurate for small a."},
    FunctionRow{Function::log0, "log0", apply<[](double a) {
                  return a == 0 ? std::numeric_limits<double>::lowest()
                                : std::log(a);
                }>,
                "power0(a, -1)", "", 0.1, 5,
                "The natural logarithm, but the lowest number at 0."},
    FunctionRow{Function::exponent, "exponent",
                apply<[](double a) { return std::logb(a); }>, "0", "", 1.1, 1.9,
                "The binary exponent of |a|: floor(log2(|a|))."},
    FunctionRow{Function::step, "step",
                apply<[](double a) { return a >= 0 ? 1.0 : 0.0; }>, "0", "", 1,
                2, "1 where a >= 0, otherwise 0."},
    FunctionRow{Function::detach, "detach", apply<[](double a) { return a; }>,
                "0", "a", 0, 0, "a, with derivative 0."},
    FunctionRow{Function::laplacian, "laplacian",
                apply<[](double a) { return std::exp(-std::sqrt(a)); }>,
                "-laplacian(a)*rsqrt0(a)/2",
                "exp2(-1.4426950408889634*sqrt(a))", 0.1, 5, "exp(-sqrt(a))."},
    FunctionRow{Function::matern32, "matern32", apply<[](double a) {
                  const double r = std::sqrt(a);
                  return (1 + r) * std::exp(-r);
                }>,
                "-laplacian(a)/2",
                "(1 + sqrt(a))*exp2(-1.4426950408889634*sqrt(a))", 0, 5,
                "(1 + sqrt(a)) exp(-sqrt(a))."},
    FunctionRow{Function::matern52, "matern52", apply<[](double a) {
                  const double r = std::sqrt(a);
                  return (1 + r + a / 3) * std::exp(-r);
                }>,
                "-matern32(a)/6",
                "(1 + sqrt(a) + a/3)*exp2(-1.4426950408889634*sqrt(a))", 0, 5,
                "(1 + sqrt(a) + a/3) exp(-sqrt(a))."},
    FunctionRow{Function::log_matern32, "log_matern32", apply<[](double a) {
                  const double r = std::sqrt(a);
                  return std::log1p(r) - r;
                }>,
                "-1/(2*(1 + sqrt(a)))", "log1p(sqrt(a)) - sqrt(a)", 0, 5,
                "The logarithm of matern32(a)."},
    FunctionRow{Function::log_matern52, "log_matern52", apply<[](double a) {
                  const double r = std::sqrt(a);
                  return std::log1p(r + a / 3) - r;
                }>,
                "-(1 + sqrt(a))/(6*(1 + sqrt(a) + a/3))",
                "log1p(sqrt(a) + a/3) - sqrt(a)", 0, 5,
                "The logarithm of matern52(a)."},
};

double integer_power(double a, int64_t exponent) {
  double result = 1;
  double square = a;
  for (int64_t rest = std::abs(exponent); rest > 0; rest /= 2) {
    if (rest % 2 == 1) result *= square;
    if (rest > 1) square *= square;
  }
  return exponent < 0 ? 1 / result : result;
}

}  // namespace

std::span<const FunctionRow> function_table() { return kFunctionTable; }

const FunctionRow& row_of(Function function) {
  const FunctionRow& row = kFunctionTable[static_cast<std::size_t>(function)];
  if (row.function != function) {
    throw InternalError("row_of(): the table is out of order.");
  }
  return row;
}

double evaluate(Function function, double a) {
  double result = 0;
  row_of(function).evaluate(&a, &result, 1);
  return result;
}

double power(double a, double exponent) {
  if (exponent == std::trunc(exponent) && std::abs(exponent) <= 0x1p53) {
    return integer_power(a, static_cast<int64_t>(exponent));
  }
  const double whole = std::trunc(exponent);
  if (std::abs(exponent - whole) == 0.5 && std::abs(exponent) <= 1024) {
    const double root =
        integer_power(a, static_cast<int64_t>(std::abs(whole))) * std::sqrt(a);
    return exponent < 0 ? 1 / root : root;
  }
  return std::pow(a, exponent);
}

void power(const double* a, double* result, int64_t count, double exponent,
           bool zero_at_zero) {
  if (exponent == 2 && !zero_at_zero) {
    for (int64_t k = 0; k < count; ++k) result[k] = a[k] * a[k];
    return;
  }
  for (int64_t k = 0; k < count; ++k) {
    result[k] = zero_at_zero && a[k] == 0 ? 0 : power(a[k], exponent);
  }
}

}  // namespace gramless
