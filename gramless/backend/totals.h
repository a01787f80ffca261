// SPDX-License-Identifier: MIT
// What a reduction has come to so far: sums that keep their rounding errors,
// or maxima.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// Some reductions side by side. Sums hold their rounding errors as well:
/// twice the working precision.
class Totals {
 public:
  Totals(Reduction reduction, int64_t columns)
      : reduction_(reduction),
        values_(static_cast<std::size_t>(columns), identity_of(reduction)),
        errors_(static_cast<std::size_t>(columns)) {}

  void add(std::span<const double> terms) {
    for (std::size_t k = 0; k < terms.size(); ++k) add(k, terms[k]);
  }

  void merge(const Totals& other) {
    for (std::size_t k = 0; k < values_.size(); ++k) {
      add(k, other.values_[k], other.errors_[k]);
    }
  }

  /// Adds a term with the rounding errors that it comes with.
  void add(std::size_t column, double term, double error = 0) {
    const double before = values_[column];
    if (reduction_ == Reduction::max) {
      values_[column] = term > before ? term : before;
      return;
    }
    const double sum = before + term;
    const double rounded = sum - before;
    errors_[column] += (before - (sum - rounded)) + (term - rounded) + error;
    values_[column] = sum;
  }

  /// Returns the total. An infinite sum has a NaN error, which says nothing.
  [[nodiscard]] double total(std::size_t column) const {
    const double value = values_[column];
    return value - value == 0 ? value + errors_[column] : value;
  }

 private:
  Reduction reduction_;
  std::vector<double> values_;
  std::vector<double> errors_;
};

}  // namespace gramless
