// SPDX-License-Identifier: MIT
// Parsed kernels and formulas as nested tuples of Python.
#pragma once

#include <nanobind/nanobind.h>

#include "gramless/gramless.h"

namespace gramless {

/// Returns a kernel's name as it was parsed.
nanobind::tuple tree_of(const Kernel& kernel);

/// Returns a formula as it was parsed, for the variables of an atom, or of a
/// whole kernel. Throws ArgumentError.
nanobind::tuple formula_tree(const std::string& text,
                             const std::string& function, bool is_atom);

}  // namespace gramless
