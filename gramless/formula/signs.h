// SPDX-License-Identifier: MIT
// What is known of the signs of values before any array is: the rules are those
// of the functions that operators are made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gramless/formula/operators.h"

namespace gramless {

/// What is known of a value.
struct Known {
  bool is_nonnegative = false;
  /// The number that it is, if it depends on no array.
  std::optional<double> value = {};
  /// Whether it has to be a number, as an exponent has.
  bool is_literal = false;
};

/// Returns what is known of a number.
Known known_number(double value);

/// Returns what is known of a text in the language of ir/reader.h, in operands
/// `a`, `b` and `c`.
Known known_of(std::string_view text, const std::vector<Known>& operands);

/// Returns what is known of an operator's value, or of each of its components.
Known known_of(const FormulaOperator& row, const std::vector<Known>& operands);

/// Returns the sign of an operator in words: `nonnegative`, `as operands` if no
/// operand is negative, or nothing.
std::string sign_text(const FormulaOperator& row);

}  // namespace gramless
