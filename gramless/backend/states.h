// SPDX-License-Identifier: MIT
// The states of an output's reductions, and the results that are made of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/lower/program.h"

namespace gramless {

/// The states of some rows of an output. Words of one kind lie together, row by
/// row, those of a row's elements side by side.
class States {
 public:
  States(const Program& program, const ProgramOutput& output, int64_t rows);

  [[nodiscard]] int64_t width() const { return width_; }

  /// Returns how many kinds of words there are.
  [[nodiscard]] std::size_t kinds() const { return row_.words.size(); }

  /// Returns the words of a kind.
  [[nodiscard]] std::span<double> words(std::size_t kind) {
    return std::span(words_).subspan(kind * count(), count());
  }

  [[nodiscard]] State get(int64_t row, int64_t element) const;
  void set(int64_t row, int64_t element, const State& state);

  /// Takes over the states of some rows, the first one as the row `first`.
  void assign(int64_t first, const States& rows);

  /// Combines all states with those of later positions of the reduced axis.
  void combine(const States& later);

  /// Combines the states of the one row with those of some rows.
  void combine_rows(const States& rows);

  /// Stores the results of all rows, the first one in the row `first`. It
  /// settles the states.
  void store(std::span<const MutableArrayView> results, int64_t first);

 private:
  /// Returns where the words of a row begin.
  [[nodiscard]] StateWords pointers(int64_t row);
  [[nodiscard]] ConstStateWords pointers(int64_t row) const;

  /// The number of states.
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(rows_ * width_);
  }

  const ProgramOutput& output_;
  const ReductionRow& row_;
  int64_t rows_;
  int64_t width_;
  std::vector<double> words_;
};

}  // namespace gramless
