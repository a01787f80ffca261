// SPDX-License-Identifier: MIT
// Own formulas as trees of kernels, so that the log domain knows what they are
// made of.
#pragma once

#include <memory>
#include <string>

#include "gramless/name/kernel_tree.h"

namespace gramless {

/// Returns the row and the formula of an atom. Throws ArgumentError for a
/// formula that is wrong.
std::shared_ptr<const OwnAtom> make_own_atom(const OwnFormula& formula);

/// Parses a formula whose variables are known, and appends its parts to the
/// kernel's. Returns its tree: a node `own` over operators and parts.
KernelTree read_own_formula(const OwnFormula& formula,
                            const FormulaVariables& variables,
                            ParsedKernel& kernel);

}  // namespace gramless
