// SPDX-License-Identifier: MIT
// Reads formulas of users and of atoms: text to nodes, checked as far as widths
// do not matter.
#pragma once

#include <string>

#include "gramless/formula/node.h"

namespace gramless {

/// Arguments of a kernel by formula, at most, of each kind.
inline constexpr std::size_t kMostVariables = 100;

/// Whose formula a text is.
enum class FormulaOwner : uint8_t {
  engine,  // An atom's of the table, which may use functions of the engine.
  atom,    // A user's atom's, in {X}, {Y} and parameters.
  kernel,  // A whole kernel's, in X_0, Y_0, G_0, ...
};

/// Returns the nodes of a text. Throws ArgumentError, with column and caret,
/// for an unknown name, another number of operands than an operator has, or an
/// operand that it cannot take.
ParsedFormula read_formula(const std::string& text, const std::string& function,
                           FormulaOwner owner);

/// What the readers of formulas and of kernel names share: numbers and the
/// operators between them.
class TreeReader {
 public:
  virtual ~TreeReader() = default;
  TreeReader(const TreeReader&) = delete;
  TreeReader& operator=(const TreeReader&) = delete;

  FormulaPointer read(const Syntax& tree);

 protected:
  explicit TreeReader(const Source& source) : source_(source) {}
  [[nodiscard]] const Source& source() const { return source_; }

  /// Returns the node of a name, a call or an element.
  virtual FormulaPointer read_leaf(const Syntax& tree) = 0;
  /// Checks a power beyond what holds for all.
  virtual void check_power(const Syntax& /*tree*/,
                           const FormulaNode& /*base*/) {}

  /// Returns the node of an operator. Throws ArgumentError for an operand that
  /// it cannot take.
  FormulaPointer checked_operation(const Syntax& tree,
                                   const FormulaOperator& row,
                                   std::vector<FormulaPointer> operands);

 private:
  FormulaPointer read_operand(const Syntax& tree);

  const Source& source_;
};

}  // namespace gramless
