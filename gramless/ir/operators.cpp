// SPDX-License-Identifier: MIT
// Finds rows of the table, and computes integer and real powers.
#include "gramless/ir/operators.h"

#include <algorithm>
#include <cmath>

#include "gramless/error.h"

namespace gramless {
namespace {

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

const FunctionRow& row_of(Function function) {
  const FunctionRow& row = function_table()[static_cast<std::size_t>(function)];
  if (row.function != function) {
    throw InternalError("row_of(): the table is out of order.");
  }
  return row;
}

std::size_t FunctionRow::arity() const {
  const auto* end = std::find(derivatives.begin(), derivatives.end(), "");
  return static_cast<std::size_t>(end - derivatives.begin());
}

double evaluate(Function function, std::span<const double> operands) {
  Operands pointers{};
  for (std::size_t k = 0; k < operands.size(); ++k) pointers[k] = &operands[k];
  double result = 0;
  row_of(function).evaluate(pointers, &result, 1);
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
