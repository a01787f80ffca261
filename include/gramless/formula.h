// SPDX-License-Identifier: MIT
// Formulas as values: read from a text, or made by calls.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gramless/export.h"

namespace gramless {

struct FormulaNode;

/// What tells formulas and kernels apart: equal ones share it.
using Digest = std::array<uint64_t, 2>;

/// A formula in the arguments of a kernel, as docs/formulas.md has them. It is
/// immutable and cheap to copy. Widths are checked when arrays come.
///
///     const Formula x = Formula::x(0), y = Formula::y(0), g = Formula::g(0);
///     const Kernel kernel(Formula::call("Exp", {-g * dot(x - y, x - y)}));
class GRAMLESS_API Formula {
 public:
  /// A number: a part of the formula, and not of what is handed over with the
  /// arrays. Throws ArgumentError for one that is not finite.
  Formula(double number);  // NOLINT(google-explicit-constructor): an operand.

  /// The arguments X_n, Y_n and G_n.
  static Formula x(std::size_t number);
  static Formula y(std::size_t number);
  static Formula g(std::size_t number);

  /// Reads a text, `Exp(-SqDist(X_0, Y_0))`. Throws ArgumentError, with column
  /// and caret, if it is wrong.
  static Formula read(const std::string& text);

  /// An operator by its name, `SqDist`. Throws ArgumentError for an unknown
  /// name, another number of operands than it has, or an operand that is not
  /// written out where the operator takes a number.
  static Formula call(const std::string& name,
                      const std::vector<Formula>& operands);

  Formula operator-() const;
  friend GRAMLESS_API Formula operator+(const Formula& a, const Formula& b);
  friend GRAMLESS_API Formula operator-(const Formula& a, const Formula& b);
  friend GRAMLESS_API Formula operator*(const Formula& a, const Formula& b);
  friend GRAMLESS_API Formula operator/(const Formula& a, const Formula& b);
  /// The scalar product, `(a|b)`.
  friend GRAMLESS_API Formula dot(const Formula& a, const Formula& b);
  /// Throws ArgumentError for an exponent that is not between -1024 and 1024.
  friend GRAMLESS_API Formula power(const Formula& base, double exponent);

  /// Returns the text that read() takes.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] const Digest& digest() const;
  /// Formulas are equal if they say the same: `Add(X_0, 1)` is `X_0 + 1`.
  bool operator==(const Formula& other) const;

  /// What the library made of it.
  [[nodiscard]] const std::shared_ptr<const FormulaNode>& node() const {
    return node_;
  }

 private:
  explicit Formula(std::shared_ptr<const FormulaNode> node);
  std::shared_ptr<const FormulaNode> node_;
};

}  // namespace gramless
