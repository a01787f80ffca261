// SPDX-License-Identifier: MIT
// A kernel, by a name such as `gaussian(x,y) * linear(u,v)**2` or by formulas:
// parsed and checked, as it was written.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gramless/formula/atoms.h"
#include "gramless/formula/parsed_formula.h"
#include "gramless/kernel.h"

namespace gramless {

/// An atom, or a whole kernel, by formulas of its value, of its logarithm, or
/// of both; neither where it has routines alone.
struct Atom {
  /// That of its row, or the one that a user gave it.
  std::string name;
  /// One for each gamma slot.
  std::vector<Parameter> parameters;
  std::shared_ptr<const ParsedFormula> sum;
  std::shared_ptr<const ParsedFormula> log;
  bool is_nonnegative = false;
  /// Whether it is a user's. X and Y may then differ in width.
  bool is_own = false;
};

/// One use of an atom in a name.
struct AtomUse {
  std::shared_ptr<const Atom> atom;
  std::size_t pair = 0;
  /// The first of its gamma slots.
  std::size_t slot = 0;
  /// Where the name has it, in bytes.
  std::size_t begin = 0;
};

/// One gamma slot.
struct GammaSlot {
  /// The atom as the name writes it; nothing in a kernel by formulas.
  std::string atom;
  Parameter parameter = Parameter::any;
  std::size_t pair = 0;
};

struct ParsedKernel {
  /// The name, and its tree: its calls are `atoms`, in reading order.
  Source source;
  Syntax tree;
  std::vector<AtomUse> atoms;
  /// In place of a name: the formulas, and what their variables are.
  std::shared_ptr<const Atom> formula;
  FormulaVariables variables;

  std::vector<GammaSlot> slots;
  /// The distinct pairs of variables, in reading order; none of formulas.
  std::vector<std::pair<std::string, std::string>> pairs;
  /// The numbers of arguments x and y.
  std::size_t x_count = 0;
  std::size_t y_count = 0;
  /// Whether it is known never to be negative.
  bool is_nonnegative = false;

  /// Returns the use of an atom that a call in the tree is.
  [[nodiscard]] const AtomUse& use_of(const Syntax& call) const;
};

/// Reads a kernel name, made of the given atoms; of those with one name, the
/// last counts. Throws ArgumentError, with column and caret, for a syntax
/// error, an unknown atom, overlapping pairs, or an exponent that is out of
/// range or not an integer where the base may be negative.
ParsedKernel parse_kernel(
    const std::string& name,
    const std::vector<OwnFormula>& atoms = catalogue_atoms());

/// Reads a kernel by formulas in X_0, …, Y_0, …, G_0, …: of its value, its
/// logarithm, or both. Throws ArgumentError, with column and caret.
ParsedKernel parse_kernel(const OwnFormula& formula);

/// Returns the atom that a user gives formulas of. Throws ArgumentError for a
/// formula that is wrong.
std::shared_ptr<const Atom> make_atom(const OwnFormula& formula);

/// Returns the atom of a row.
std::shared_ptr<const Atom> make_atom(const AtomRow& row);

/// Returns a text that two kernels share if and only if they are the same:
/// names of variables and white space do not matter.
std::string structure_text(const ParsedKernel& kernel);

}  // namespace gramless
