// SPDX-License-Identifier: MIT
// Divides integers that are not negative, and rounds them up.
#pragma once

#include <cstdint>

namespace gramless {

/// Returns a / b, rounded up.
constexpr int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Returns the multiple of `step` that is not below the value.
constexpr int64_t round_up(int64_t value, int64_t step) {
  return ceil_divide(value, step) * step;
}

}  // namespace gramless
