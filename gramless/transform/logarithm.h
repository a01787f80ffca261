// SPDX-License-Identifier: MIT
// The logarithm of a kernel, for the modes whose formula has it, and where it
// is infinite.
#pragma once

#include "gramless/ir/expr.h"

namespace gramless {

/// Returns log k of a kernel that is not negative, in terms whose derivatives
/// are accurate: -q for exp(-q), -log1p(q) for 1/(1 + q).
Expr logarithm(Expr k);

/// Whether an expression is a product of exponentials, which are never 0.
bool is_exponential(Expr expr);

/// Whether an expression has zeros where it has derivatives. A root has none,
/// and a quotient is 0 next to infinities only.
bool has_zeros(Expr expr);

}  // namespace gramless
