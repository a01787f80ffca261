// SPDX-License-Identifier: MIT
// Saves multiplications per pair in derivatives.
#pragma once

#include "gramless/lower/program.h"

namespace gramless {

/// Returns a program with fewer operations per pair, or the same one. Terms
/// that share factors are added first, a*b + a*c as a*(b + c), and products
/// that share factors are made from common parts: the products of all factors
/// but one, for each of n factors, take about 3n multiplications. Nothing is
/// divided by.
///
/// What feeds a function, an exponent above all, or an output that is no
/// gradient, is computed as it was: its bits are the same in all programs.
Program factor(const Program& program);

}  // namespace gramless
