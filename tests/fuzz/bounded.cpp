// SPDX-License-Identifier: MIT
// Carries bounds through sums, products, powers and functions.
#include "fuzz/bounded.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gramless::testing {
namespace {

/// Returns the exponents of the highest and the lowest bit that is set.
std::pair<int, int> bits_of(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(std::abs(value), &exponent);
  const auto digits = static_cast<uint64_t>(std::ldexp(mantissa, 53));
  return {exponent - 1, exponent - 53 + std::countr_zero(digits)};
}

int length_of(double value) {
  if (value == 0) return 0;
  const auto [high, low] = bits_of(value);
  return high - low + 1;
}

double largest_of(const Bounded& a) { return std::abs(a.value) + a.error; }
bool may_be_zero(const Bounded& a) { return std::abs(a.value) <= a.error; }

/// Whether a sum of exact numbers is exact in any order.
bool is_exact_sum(const Format& format, const BoundedValues& terms,
                  double size) {
  int low = std::numeric_limits<int>::max();
  for (const Bounded& term : terms) {
    if (!term.is_exact()) return false;
    if (term.value != 0) low = std::min(low, bits_of(term.value).second);
  }
  return size == 0 || bits_of(size).first - low < format.bits;
}

double power_at(double base, double exponent) {
  const bool is_whole = exponent == std::trunc(exponent);
  return base < 0 && !is_whole ? std::nan("") : std::pow(base, exponent);
}

/// Whether the value is one of the operands', or a whole number.
bool is_rounded(Function function) {
  switch (function) {
    case Function::abs:
    case Function::sign:
    case Function::floor:
    case Function::round:
    case Function::step:
    case Function::maximum:
    case Function::rounded:
    case Function::bounded:
    case Function::root_domain:
      return false;
    default:
      return true;
  }
}

/// Units of rounding that a function loses, beside those of its operands.
double loss_of(Function function) {
  switch (function) {
    case Function::sinc:
    case Function::sinc1:
    case Function::sinc2:
    case Function::sinc3:
      return 1e4;
    default:
      return 16;
  }
}

bool oscillates(Function function) {
  return function >= Function::sin && function <= Function::tan;
}

Bounded select_of(const BoundedValues& operands) {
  const Bounded& mark = operands[0];
  if (!mark.is_known()) return kUnknown;
  if (mark.value - mark.error >= 0) return operands[1];
  if (mark.value + mark.error < 0) return operands[2];
  return kUnknown;
}

}  // namespace

Format format_of(DType dtype) {
  if (dtype == DType::float64) return {};
  return {24, 0x1p-24, std::numeric_limits<float>::min(),
          std::numeric_limits<float>::max()};
}

Bounded stored(const Format& format, double value) {
  if (std::isnan(value)) return kUnknown;
  if (std::isinf(value)) return {value, 0};
  if (std::abs(value) < format.smallest) return {value, std::abs(value)};
  return {value,
          length_of(value) <= format.bits ? 0 : format.unit * std::abs(value)};
}

Bounded finish(const Format& format, double value, double error) {
  if (std::isnan(value) || std::isnan(error)) return kUnknown;
  if (std::isinf(value)) return error == 0 ? Bounded{value, 0} : kUnknown;
  const double size = std::abs(value);
  if (size > 0 && size < kMargin * format.smallest) {
    error += 2 * format.smallest;
  }
  if (size > format.largest / kMargin) error = std::max(error, size / 2);
  return {value, error};
}

Bounded sum_of(const Format& format, const BoundedValues& terms) {
  long double sum = 0;
  double size = 0;
  double error = 0;
  double infinite = 0;
  bool is_mixed = false;
  for (const Bounded& term : terms) {
    if (!term.is_known()) return kUnknown;
    if (std::isinf(term.value)) {
      if (infinite != 0 && infinite != term.value) return kUnknown;
      infinite = term.value;
      continue;
    }
    is_mixed = is_mixed || term.value * terms[0].value < 0 || may_be_zero(term);
    sum += term.value;
    size += std::abs(term.value);
    error += term.error;
  }
  const auto value = static_cast<double>(sum);
  const bool overflows = size + error > format.largest / kMargin;
  if (infinite != 0) return overflows ? kUnknown : Bounded{infinite, 0};
  if (overflows && (is_mixed || std::isinf(size))) return kUnknown;
  if (is_exact_sum(format, terms, size)) return {value, 0};
  const auto count = static_cast<double>(terms.size());
  return finish(format, value, error + (count + 2) * format.unit * size);
}

Bounded product_of(const Format& format, const BoundedValues& factors) {
  double value = 1;
  double high = 1;
  double grown = 1;
  double shrunk = 1;
  int length = 0;
  bool is_exact = true;
  bool has_zero = false;
  bool is_zero = false;
  for (const Bounded& factor : factors) {
    if (!factor.is_known()) return kUnknown;
    value *= factor.value;
    high *= largest_of(factor);
    grown *= std::max(1.0, largest_of(factor));
    shrunk *= std::min(1.0, std::abs(factor.value));
    has_zero = has_zero || may_be_zero(factor) ||
               std::abs(factor.value) < kMargin * format.smallest;
    is_exact = is_exact && factor.is_exact();
    is_zero = is_zero || (factor.value == 0 && factor.is_exact());
    if (std::isfinite(factor.value)) length += length_of(factor.value);
  }
  if (std::isinf(high)) {
    return has_zero || !std::isinf(value) ? kUnknown : Bounded{value, 0};
  }
  const bool is_large = grown > format.largest / kMargin;
  if (is_large && (has_zero || shrunk < 1)) return kUnknown;
  if (is_zero) return {0, 0};
  const bool is_small = shrunk < kMargin * format.smallest;
  if (is_exact && !is_small && !is_large && length <= format.bits) {
    return {value, 0};
  }
  const double count = static_cast<double>(factors.size()) + 1;
  const double error = (high - std::abs(value)) + count * format.unit * high;
  return finish(format, value,
                error + (is_small ? 2 * format.smallest * grown : 0));
}

Bounded power_of(const Format& format, const Bounded& base, double exponent) {
  if (!base.is_known()) return kUnknown;
  const bool is_whole = exponent == std::trunc(exponent);
  if (may_be_zero(base)) {
    const bool is_zero = base.value == 0 && base.is_exact();
    if (exponent < 0 || (!is_zero && !is_whole)) return kUnknown;
  }
  const double value = power_at(base.value, exponent);
  if (std::isinf(base.value)) return finish(format, value, 0);
  if (std::isinf(value)) return kUnknown;
  const bool is_short =
      is_whole && exponent > 0 &&
      length_of(base.value) * exponent <= static_cast<double>(format.bits);
  const bool is_moderate = std::abs(value) > kMargin * format.smallest &&
                           std::abs(value) < format.largest / kMargin;
  const bool is_plain = base.value == 0 || (is_short && is_moderate);
  if (base.is_exact() && is_plain) return {value, 0};
  double error = 0;
  for (const double side : {-1.0, 1.0}) {
    const double other = power_at(base.value + side * base.error, exponent);
    error = std::max(
        error, std::isnan(other) ? kUnknown.error : std::abs(other - value));
  }
  if (value == 0 && base.value != 0) error += format.smallest;
  const double digits = 1 + std::abs(std::log2(std::abs(base.value)));
  return finish(format, value,
                error + format.unit * std::abs(value) *
                            (4 + 2 * std::abs(exponent) * digits));
}

Bounded power0_of(const Format& format, const Bounded& base, double exponent) {
  if (base.value == 0 && base.is_exact()) return {0, 0};
  return may_be_zero(base) ? kUnknown : power_of(format, base, exponent);
}

Bounded function_of(const Format& format, Function function,
                    const BoundedValues& operands) {
  if (function == Function::select) return select_of(operands);
  const bool is_inexact = is_rounded(function);
  std::vector<double> centre;
  std::vector<double> widths;
  for (const Bounded& operand : operands) {
    if (!operand.is_known()) return kUnknown;
    const double size = std::isinf(operand.value) ? 0 : std::abs(operand.value);
    if (is_inexact && operands.size() > 1 &&
        !(size < format.largest / kMargin)) {
      return kUnknown;
    }
    centre.push_back(operand.value);
    widths.push_back(operand.error + (is_inexact ? 4 * format.unit * size : 0));
    if (oscillates(function) && widths.back() > 0.1) return kUnknown;
  }
  const double value = evaluate(function, centre);
  if (oscillates(function) && std::abs(value) > kMargin) return kUnknown;
  double error =
      is_inexact ? loss_of(function) * format.unit * std::abs(value) : 0;
  if (std::isinf(value)) return kUnknown;
  // An exponential that underflows.
  if (is_inexact && value == 0 && centre[0] != 0) error += format.smallest;
  std::vector<double> corner(centre.size());
  for (unsigned sides = 0; sides < 1U << centre.size(); ++sides) {
    for (std::size_t k = 0; k < centre.size(); ++k) {
      const double width = (sides >> k & 1U) != 0 ? widths[k] : -widths[k];
      corner[k] = centre[k] + width;
    }
    const double other = evaluate(function, corner);
    if (!std::isfinite(other)) return kUnknown;
    error = std::max(error, loss_of(function) * format.unit * std::abs(other) *
                                    (is_inexact ? 1 : 0) +
                                std::abs(other - value));
  }
  return finish(format, value, error);
}

}  // namespace gramless::testing
