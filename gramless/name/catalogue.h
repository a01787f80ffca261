// SPDX-License-Identifier: MIT
// The catalogue of atoms: one row each, with all that is known of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gramless {

/// What an atom takes from its gamma slot.
enum class Parameter : uint8_t {
  none,     // Nothing: the slot is None.
  metric,   // G: scalar, diagonal or matrix.
  scalar,   // g: one number.
  any,      // An argument of an own formula, of any width.
  unknown,  // What a routine takes: anything, or nothing.
};

/// The name in the row of an argument of a formula.
inline constexpr std::string_view kFormulaArgument = "G_k";

/// One row. The formulas are in the language of ir/reader.h, in the variables
/// q = <x - y, G (x - y)>, s = <x, y> and g.
struct AtomRow {
  std::string_view name;
  Parameter parameter = Parameter::metric;
  std::string_view formula;
  std::string_view log_formula;
  /// Whether the atom counts as never negative.
  bool nonnegative = true;
  /// Whether the logarithm is what is held where exp() of it could underflow.
  bool is_exponential = false;
  std::string_view description;
};

/// Returns the rows.
std::span<const AtomRow> catalogue();

/// Returns the names of all atoms.
std::vector<std::string> atom_names();

}  // namespace gramless
