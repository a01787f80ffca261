// SPDX-License-Identifier: MIT
// The table of atoms: one row each, with all that is known of it.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gramless {

/// What stands in a gamma slot.
enum class Parameter : char {
  none = '-',     // Nothing: the slot is None.
  metric = 'm',   // A scalar, a diagonal or a matrix.
  scalar = 's',   // One number.
  any = 'a',      // An argument of an own formula, of any width.
  unknown = '?',  // What a routine takes: anything, or nothing.
};

/// The names that an atom's parameters have in its formulas, in order.
inline constexpr std::array<std::string_view, 2> kParameterNames = {"{G}",
                                                                    "{H}"};

/// One row. The formulas are in the language of users, in {X}, {Y} and the
/// parameters.
struct AtomRow {
  std::string_view name;
  /// A `Parameter` for each gamma slot.
  std::string_view parameters;
  std::string_view formula;
  std::string_view log_formula;
  std::string_view description;
  /// What is built in place of `formula`: the same in functions of the engine
  /// that are smooth at coincident points, or accurate. Nothing if `formula`
  /// is.
  std::string_view built_formula = {};
  /// Whether it may be negative. All others count as positive, also where the
  /// metric is not.
  bool is_signed = false;
};

/// Returns the rows.
std::span<const AtomRow> atom_table();

/// Returns the row of an atom, or nothing.
const AtomRow* find_atom(std::string_view name);

/// Returns the parameters of a row.
std::vector<Parameter> parameters_of(const AtomRow& row);

}  // namespace gramless
