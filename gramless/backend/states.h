// SPDX-License-Identifier: MIT
// The states of an output's reductions, and the results that are made of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/lower/program.h"

namespace gramless {

/// The states of some rows of an output, row by row, those of its elements side
/// by side.
class States {
 public:
  States(const Program& program, const ProgramOutput& output, int64_t rows);

  [[nodiscard]] State& at(int64_t row, int64_t element) {
    return states_[static_cast<std::size_t>(row * width_ + element)];
  }
  [[nodiscard]] int64_t rows() const { return rows_; }
  [[nodiscard]] int64_t width() const { return width_; }

  /// Combines all states with those of later positions of the reduced axis.
  void combine(const States& later);

  /// Stores the results of all rows, the first one in the row `first`.
  void store(std::span<const MutableArrayView> results, int64_t first) const;

 private:
  const ProgramOutput& output_;
  const ReductionRow& row_;
  int64_t rows_;
  int64_t width_;
  std::vector<State> states_;
};

}  // namespace gramless
