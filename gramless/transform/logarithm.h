// SPDX-License-Identifier: MIT
// The logarithm of a kernel, for the modes whose formula has it.
#pragma once

#include "gramless/ir/expr.h"

namespace gramless {

/// Returns log k of a kernel that is not negative, in terms whose derivatives
/// are accurate: -q for exp(-q), -log1p(q) for 1/(1 + q).
Expr logarithm(Expr k);

}  // namespace gramless
