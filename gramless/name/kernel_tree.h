// SPDX-License-Identifier: MIT
// A kernel name, such as `gaussian(x,y) * linear(u,v)**2`, as a checked tree.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gramless/kernel.h"
#include "gramless/name/catalogue.h"
#include "gramless/name/own_formula.h"

namespace gramless {

enum class KernelNode : uint8_t {
  number,
  atom,
  own,  // An own formula.
  negate,
  add,
  subtract,
  multiply,
  divide,
  power,
};

/// The name as it was written, before any transformation.
struct KernelTree {
  KernelNode kind = KernelNode::number;
  double number = 0;  // The value of a number, the exponent of a power.
  std::size_t gamma_slot = 0;  // Of an atom.
  std::vector<KernelTree> operands;
  /// Whether the value is known never to be negative.
  bool is_nonnegative = false;
  std::size_t formula = 0;  // A position among the kernel's own formulas.
};

/// One use of an atom in a name: it has a gamma slot of its own.
struct AtomUse {
  const AtomRow* row = nullptr;
  std::size_t pair = 0;
  /// The name that it was written with; the row may have another one.
  std::string name;
};

/// One use of an own formula: its value, its logarithm, or both; neither where
/// it has routines alone.
struct OwnFormulaUse {
  std::shared_ptr<const ParsedFormula> sum;
  std::shared_ptr<const ParsedFormula> log;
  FormulaVariables variables;
};

/// An atom of a user: its formula, and its row in the table.
struct OwnAtom {
  OwnFormula formula;
  AtomRow row;
};

struct ParsedKernel {
  KernelTree tree;
  /// One for each gamma slot, in reading order.
  std::vector<AtomUse> atoms;
  /// The distinct pairs of variables, in reading order.
  std::vector<std::pair<std::string, std::string>> pairs;
  /// The numbers of arguments x and y: the pairs, but for own formulas.
  std::size_t x_count = 0;
  std::size_t y_count = 0;
  std::vector<OwnFormulaUse> formulas;
  std::vector<std::shared_ptr<const OwnAtom>> own_atoms;
};

inline constexpr double kLargestExponent = 1024;

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

/// Returns a text that two kernels share if and only if they are the same:
/// names of variables and white space do not matter.
std::string structure_text(const ParsedKernel& kernel);

}  // namespace gramless
