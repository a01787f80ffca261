// SPDX-License-Identifier: MIT
// Own formulas as atoms and as kernels.
#pragma once

#include <memory>
#include <string>

#include "gramless/name/kernel_tree.h"

namespace gramless {

/// Returns the row and the formula of an atom. Throws ArgumentError for a
/// formula that is wrong.
std::shared_ptr<const OwnAtom> make_own_atom(const OwnFormula& formula);

/// Parses a formula whose variables are known, and appends it to the kernel's.
/// Returns its node, `own`.
KernelTree read_own_formula(const OwnFormula& formula,
                            const FormulaVariables& variables,
                            ParsedKernel& kernel);

}  // namespace gramless
