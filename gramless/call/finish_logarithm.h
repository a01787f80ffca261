// SPDX-License-Identifier: MIT
// The logarithm of a sum that was computed on a scale.
#pragma once

#include "gramless/arrays.h"
#include "gramless/base/check_array.h"
#include "gramless/base/threads.h"

namespace gramless {

/// Makes integers of what sums are scaled by, rounded up. -inf, where there is
/// nothing to sum, and inf, where a term is infinite, become the largest scale.
void finish_scale(const MutableArrayView& shift, int threads);

/// Stores log(sum * 4**shift): -inf where the sum is 0, NaN where it is
/// negative. All three arrays have the same shape (rows, columns).
void finish_logarithm(const MutableArrayView& shift,
                      const MutableArrayView& sum,
                      const MutableArrayView& result, int threads);

}  // namespace gramless
