// SPDX-License-Identifier: MIT
// Sums that keep their rounding errors.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gramless {

/// Some sums side by side, each with its rounding errors: twice the working
/// precision.
class CompensatedSums {
 public:
  explicit CompensatedSums(int64_t columns = 0)
      : sums_(static_cast<std::size_t>(columns)),
        errors_(static_cast<std::size_t>(columns)) {}

  void add(std::span<const double> terms) {
    for (std::size_t k = 0; k < terms.size(); ++k) add(k, terms[k]);
  }

  void merge(const CompensatedSums& other) {
    for (std::size_t k = 0; k < sums_.size(); ++k) {
      add(k, other.sums_[k], other.errors_[k]);
    }
  }

  /// Adds a sum with the errors that it comes with.
  void add(std::size_t column, double term, double error = 0) {
    const double before = sums_[column];
    const double sum = before + term;
    const double rounded = sum - before;
    errors_[column] += (before - (sum - rounded)) + (term - rounded) + error;
    sums_[column] = sum;
  }

  /// Returns the total. An infinite sum has a NaN error, which says nothing.
  [[nodiscard]] double total(std::size_t column) const {
    const double sum = sums_[column];
    return sum - sum == 0 ? sum + errors_[column] : sum;
  }

 private:
  std::vector<double> sums_;
  std::vector<double> errors_;
};

}  // namespace gramless
