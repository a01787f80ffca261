// SPDX-License-Identifier: MIT
// Formulas of users: parsed, and checked as far as widths do not matter.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gramless/ir/syntax.h"
#include "gramless/kernel.h"

namespace gramless {

/// What a variable of a formula stands for: the argument x, y or g of a
/// number.
struct FormulaVariable {
  char kind = 'x';
  std::size_t number = 0;
};

using FormulaVariables = std::map<std::string, FormulaVariable, std::less<>>;

/// A text with its tree.
struct ParsedFormula {
  Source source;
  Syntax tree;
};

/// Parses a formula and checks its names, counts of operands and literals.
/// Throws ArgumentError, with column and caret. Variables of a whole kernel are
/// added to `variables`; those of an atom must be there.
std::shared_ptr<const ParsedFormula> parse_formula(const std::string& text,
                                                   const std::string& function,
                                                   bool is_atom,
                                                   FormulaVariables& variables);

/// Returns whether a value is known not to be negative.
bool is_nonnegative(const Syntax& tree);

/// Returns the number that a literal says, if the tree is one.
std::optional<double> literal(const Syntax& tree);

}  // namespace gramless
