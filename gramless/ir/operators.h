// SPDX-License-Identifier: MIT
// The table of scalar functions: one row each, with all that is known of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace gramless {

/// Scalar functions of one to three operands. Sums, products and powers are
/// nodes of their own (see ir/expr.h).
enum class Function : uint8_t {
  exp,
  exp2,
  log,
  log2,
  log1p,
  exponent,
  mantissa,
  step,
  laplacian,
  matern32,
  matern52,
  log_matern32,
  log_matern52,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  abs,
  sign,
  floor,
  round,
  sinc,
  sinc1,
  sinc2,
  sinc3,
  maximum,
  capped,
  times_square,
  rounded,
  bounded,
  root_domain,
  product0,
  zero_power,
  atan2,
  select,
};

/// The most operands that a function has.
constexpr std::size_t kMostOperands = 3;

/// Where the operands of a function stand: `count` numbers each.
using Operands = std::array<const double*, kMostOperands>;

/// What is known of the sign of a value; it may be NaN in each case.
enum class Sign : uint8_t {
  any,
  nonnegative,
  as_operands,     // Not negative if no operand is.
  as_one_operand,  // Not negative if one operand is not.
  as_branches,     // Not negative if no operand but the first is.
};

/// One row of the table.
struct FunctionRow {
  Function function;
  std::string_view name;
  /// The value for each of `count` operands; NaN outside the domain.
  void (*evaluate)(const Operands& operands, double* result, int64_t count);
  /// The derivatives by the operands, as formulas in the operands `a`, `b` and
  /// `c`, in the language of ir/reader.h: these texts are the rules that are
  /// applied. `0` hands nothing on, not even NaN. There are as many as there
  /// are operands.
  std::array<std::string_view, kMostOperands> derivatives;
  /// The function in terms of others, in the same language; nothing where the
  /// code generators know it, or where it is an exponential.
  std::string_view expansion;
  /// Where the tests take their random arguments.
  double test_low;
  double test_high;
  std::string_view description;
  Sign sign = Sign::any;
  /// An exponential as factor*exp(exponent), in the same language; nothing
  /// where the function is none.
  std::string_view factor = {};
  std::string_view exponent = {};
  /// Its logarithm, where that of factor and exponent is not as smooth.
  std::string_view logarithm = {};

  /// Returns the number of operands.
  [[nodiscard]] std::size_t arity() const;
};

/// Returns the rows, in the order of the enumeration.
std::span<const FunctionRow> function_table();

/// Returns the row of a function.
const FunctionRow& row_of(Function function);

/// Returns the value of a function at one point.
double evaluate(Function function, std::span<const double> operands);

/// Returns `a ** exponent`. Integers multiply, halves of odd integers multiply
/// by a square root; otherwise as std::pow, NaN for a negative base.
double power(double a, double exponent);

/// Fills `result` with the powers of `count` numbers. With `zero_at_zero` the
/// power of 0 is 0: the convention for the derivatives of roots.
void power(const double* a, double* result, int64_t count, double exponent,
           bool zero_at_zero);

}  // namespace gramless
