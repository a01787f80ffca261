// SPDX-License-Identifier: MIT
// A kernel, by a name such as `gaussian(x,y) * linear(u,v)**2` or by formulas:
// read and checked, as it was written.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gramless/formula/atoms.h"
#include "gramless/formula/node.h"
#include "gramless/kernel.h"

namespace gramless {

/// An atom, or a whole kernel, by formulas of its value, of its logarithm, or
/// of both; neither where it has routines alone.
struct Atom {
  /// That of its row, or the one that a user gave it; a whole kernel has none.
  std::string name;
  /// One for each gamma slot; none of a whole kernel.
  std::vector<Parameter> parameters;
  std::optional<ParsedFormula> sum;
  std::optional<ParsedFormula> log;
  bool is_nonnegative = false;
  /// Whether it is a user's. X and Y may then differ in width.
  bool is_own = false;
};

/// One gamma slot.
struct GammaSlot {
  /// The atom as the name writes it; nothing in a kernel by formulas.
  std::string atom;
  Parameter parameter = Parameter::any;
  std::size_t pair = 0;
};

struct ParsedKernel {
  /// The name as a formula of atoms: names of variables and white space are no
  /// part of its digest.
  ParsedFormula formula;
  /// The uses of atoms, in reading order.
  std::vector<AtomUse> atoms;
  std::vector<GammaSlot> slots;
  /// The distinct pairs of variables, in reading order; none of formulas.
  std::vector<std::pair<std::string, std::string>> pairs;
  /// The numbers of arguments x and y.
  std::size_t x_count = 0;
  std::size_t y_count = 0;

  [[nodiscard]] const Digest& digest() const { return formula.root->digest; }
  /// Whether formulas in X_0, Y_0, ... are all of it.
  [[nodiscard]] bool is_whole() const {
    return pairs.empty() && !atoms.empty();
  }
  /// Whether it is known never to be negative.
  [[nodiscard]] bool is_nonnegative() const {
    return formula.root->known.is_nonnegative;
  }
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

/// Returns the kernel whose value a formula is.
ParsedKernel parse_kernel(const Formula& formula);

/// Returns the atom that a user gives formulas of. Throws ArgumentError for a
/// formula that is wrong.
std::shared_ptr<const Atom> make_atom(const OwnFormula& formula);

/// Returns the atom of a row.
std::shared_ptr<const Atom> make_atom(const AtomRow& row);

}  // namespace gramless
