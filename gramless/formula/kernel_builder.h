// SPDX-License-Identifier: MIT
// Builds the expressions of a kernel for one pair (i, j).
#pragma once

#include "gramless/formula/kernel_form.h"
#include "gramless/formula/parsed_kernel.h"
#include "gramless/ir/map_reduce.h"

namespace gramless {

/// Declares the arguments of a kernel: x0, …, y0, …, g0, …
void declare_arguments(MapReduce& result, const ParsedKernel& kernel,
                       const KernelForm& form);

/// Returns k, in the ordinary domain. Of own formulas that have both,
/// `has_logarithm_first` takes the formula of the logarithm.
Expr kernel_value(MapReduce& result, const ParsedKernel& kernel,
                  bool has_logarithm_first);

}  // namespace gramless
