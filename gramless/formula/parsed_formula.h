// SPDX-License-Identifier: MIT
// Formulas of users and of atoms: parsed, and checked as far as widths do not
// matter.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "gramless/text/syntax.h"

namespace gramless {

/// What a variable of a formula stands for: the argument x, y or g of a
/// number.
struct FormulaVariable {
  char kind = 'x';
  std::size_t number = 0;
};

using FormulaVariables = std::map<std::string, FormulaVariable, std::less<>>;

/// Whose formula a text is.
enum class FormulaOwner : uint8_t {
  engine,  // An atom's of the table, which may use functions of the engine.
  atom,    // A user's atom's, in {X}, {Y} and parameters.
  kernel,  // A whole kernel's, in X_0, Y_0, G_0, ...
};

/// A text with its tree.
struct ParsedFormula {
  Source source;
  Syntax tree;
  /// Whether its value is known not to be negative.
  bool is_nonnegative = false;
};

/// Returns the variables of an atom's formula: those of a pair, and parameters
/// from a gamma slot on.
FormulaVariables atom_variables(std::size_t pair, std::size_t slot);

/// Parses a formula and checks its names, counts of operands and literals.
/// Throws ArgumentError, with column and caret. Variables of a whole kernel are
/// added to `variables`; those of an atom must be there.
std::shared_ptr<const ParsedFormula> parse_formula(const std::string& text,
                                                   const std::string& function,
                                                   FormulaOwner owner,
                                                   FormulaVariables& variables);

/// Returns the number that a literal says, if the tree is one.
std::optional<double> literal(const Syntax& tree);

}  // namespace gramless
