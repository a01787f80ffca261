// SPDX-License-Identifier: MIT
// Numbers with bounds of the errors that arithmetic in a format makes: how far
// a right engine may be off.
#pragma once

#include <limits>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/ir/operators.h"

namespace gramless::testing {

/// A number, exact where the error is 0, and unknown where it is inf. Infinite
/// numbers are exact or unknown.
struct Bounded {
  double value = 0;
  double error = 0;
  [[nodiscard]] bool is_known() const {
    return error < std::numeric_limits<double>::infinity();
  }
  [[nodiscard]] bool is_exact() const { return error == 0; }
};

inline constexpr Bounded kUnknown{0, std::numeric_limits<double>::infinity()};

/// A format of numbers.
struct Format {
  int bits = 53;
  double unit = 0x1p-53;
  double smallest = std::numeric_limits<double>::min();
  double largest = std::numeric_limits<double>::max();
};

Format format_of(DType dtype);

/// What is below this many smallest numbers may lose its digits, or be taken
/// for 0; what is above the largest one by it may overflow in another order.
inline constexpr double kMargin = 1e3;

using BoundedValues = std::vector<Bounded>;

/// Returns what a number is that is stored in a format.
Bounded stored(const Format& format, double value);

/// Adds what underflow and overflow may do to an error.
Bounded finish(const Format& format, double value, double error);

// Operations, in any order and with any rounding.
Bounded sum_of(const Format& format, const BoundedValues& terms);
Bounded product_of(const Format& format, const BoundedValues& factors);
Bounded power_of(const Format& format, const Bounded& base, double exponent);
Bounded power0_of(const Format& format, const Bounded& base, double exponent);
Bounded function_of(const Format& format, Function function,
                    const BoundedValues& operands);

}  // namespace gramless::testing
