// SPDX-License-Identifier: MIT
// The table of the operators of formulas: one row each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gramless/text/syntax.h"

namespace gramless {

/// What an operator does with its operands.
enum class FormulaKind : uint8_t {
  elementwise,  // `text`, component by component.
  contraction,  // The sum of `text` over the components, then `after` of it.
  constant,     // A number, or zeros.
  normalized,   // `text` of each component and of the sum of squares.
  weighted,     // <v, G v> of the last operand or of the last two's difference.
  repeat,       // s, d times.
  largest,      // Over components.
  smallest,
  element,    // One component.
  place,      // A scalar among zeros.
  extract,    // Some components.
  insert,     // Components among zeros.
  concat,     // One behind the other.
  one_hot,    // 1 at a position, otherwise 0.
  matrix,     // A v.
  transpose,  // v A.
  outer,      // All products.
  gradient,
};

/// The tightness of what needs no brackets.
inline constexpr int kTightest = 5;

/// How an operator is written that stands before or between its operands.
struct Infix {
  std::string_view symbol = {};
  int tightness = kTightest;
};

/// One row. `operands` has a letter for each operand: f for a formula, s for
/// one of width 1, n for an integer, r for a number, v for a variable. `text`
/// and `after` are in the language of ir/reader.h, in a, b and c.
struct FormulaOperator {
  std::string_view name;
  std::string_view operands;
  FormulaKind kind = FormulaKind::elementwise;
  std::string_view text;
  std::string_view description;
  std::string_view after = {};
  Infix infix = {};
};

/// Returns the row of `-a`, `a + b`, `(a|b)`, `a**2` and so on.
const FormulaOperator& operator_row(SyntaxKind kind);

/// Returns the rows that users know.
std::span<const FormulaOperator> formula_operators();

/// Returns the row of an operator, or nothing. The functions of the engine,
/// which the formulas of atoms use, are for `has_engine_functions`.
const FormulaOperator* find_formula_operator(std::string_view name,
                                             bool has_engine_functions);

/// Returns the names of all operators.
std::vector<std::string> formula_operator_names();

}  // namespace gramless
