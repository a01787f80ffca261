// SPDX-License-Identifier: MIT
// The table of scalar functions: one row each, with all that is known of it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace gramless {

/// Scalar functions of one argument. Sums, products and powers are nodes of
/// their own (see ir/expr.h).
enum class Function : uint8_t {
  exp,
  exp2,
  log,
  log2,
  log1p,
  log0,
  exponent,
  step,
  detach,
  laplacian,
  matern32,
  matern52,
  log_matern32,
  log_matern52,
};

/// One row of the table.
struct FunctionRow {
  Function function;
  std::string_view name;
  /// The value for each of `count` numbers; NaN outside the domain.
  void (*evaluate)(const double* a, double* result, int64_t count);
  /// The derivative as a formula in `a`, in the language of ir/reader.h: this
  /// text is the rule that is applied. `0` hands nothing on, not even NaN.
  std::string_view derivative;
  /// The function in terms of others, in the same language; nothing where the
  /// code generators know it.
  std::string_view expansion;
  /// Where the tests take their random arguments.
  double test_low;
  double test_high;
  std::string_view description;
};

/// Returns the rows, in the order of the enumeration.
std::span<const FunctionRow> function_table();

/// Returns the row of a function.
const FunctionRow& row_of(Function function);

/// Returns the value of a function at one point.
double evaluate(Function function, double a);

/// Returns `a ** exponent`. Integers multiply, halves of odd integers multiply
/// by a square root; otherwise as std::pow, NaN for a negative base.
double power(double a, double exponent);

/// Fills `result` with the powers of `count` numbers. With `zero_at_zero` the
/// power of 0 is 0: the convention for the derivatives of roots.
void power(const double* a, double* result, int64_t count, double exponent,
           bool zero_at_zero);

}  // namespace gramless
