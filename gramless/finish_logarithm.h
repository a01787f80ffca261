// SPDX-License-Identifier: MIT
// The logarithm of a sum that was computed on a scale.
#pragma once

#include "gramless/base/array_view.h"
#include "gramless/base/threads.h"

namespace gramless {

/// Makes finite what sums are scaled by: -inf, where there is nothing to sum,
/// and inf, where a term is infinite, become the largest exponents.
void finish_scale(const MutableArrayView& shift, int threads);

/// Stores log(sum) + shift: -inf where the sum is 0, NaN where it is negative.
/// All three arrays have the same shape (rows, columns).
void finish_logarithm(const MutableArrayView& shift,
                      const MutableArrayView& sum,
                      const MutableArrayView& result, int threads);

}  // namespace gramless
