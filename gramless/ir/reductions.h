// SPDX-License-Identifier: MIT
// The table of reductions: one row each, with all that is known of it.
//
// A reduction folds the values of many pairs into a state of a few words, and
// makes results of the state. States of parts of an axis combine to that of the
// whole axis, in the order of its positions.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gramless {

/// How an output combines its values.
enum class Reduction : uint8_t {
  sum,          // Σ v
  log_sum_exp,  // log Σ v, with the terms of v on the scale of the largest one
  max,          // The largest v: NaN if one is, the first one of equal ones.
  min,          // The smallest v, likewise.
};

/// A state has so many words at most.
inline constexpr std::size_t kMostWords = 3;

/// The words of a state, 64 bits each: numbers, or indices as bits.
using State = std::array<double, kMostWords>;

/// The words of several states, each kind in an array of its own.
using StateWords = std::array<double*, kMostWords>;
using ConstStateWords = std::array<const double*, kMostWords>;

struct StateWord {
  std::string_view name;
  /// What it is for a reduction of nothing.
  double identity;
};

/// A result that is made of a state.
struct ReductionResult {
  /// Nothing for the result that the output is named after.
  std::string_view name;
  /// The result in terms of the words of a settled state, in the language of
  /// ir/reader.h.
  std::string_view finish;
  /// The derivative of <cot, result> by the value of a pair, in terms of `cot`,
  /// of the named results, and of the pair's `position` on the reduced axis.
  /// Nothing for a result that is a constant.
  std::string_view derivative;
  /// Whether it is float64 in calls of any dtype.
  bool is_wide = false;
};

/// The result that holds a state's scale. Derivatives take their terms times
/// exp2(-2*shift), which is exact.
inline constexpr std::string_view kShift = "shift";

/// One row of the table.
struct ReductionRow {
  Reduction reduction;
  std::string_view name;
  std::span<const StateWord> words;
  /// Reduces the values at the positions from `first` on, one after another.
  void (*reduce)(std::span<const double> values, int64_t first, State& state);
  /// Combines some states with those of later positions.
  void (*combine_all)(const StateWords& states, const ConstStateWords& later,
                      int64_t count);
  /// Makes numbers of all words of some states, for `finish`.
  void (*settle)(const StateWords& words, int64_t count);
  std::span<const ReductionResult> results;
  /// Whether terms are scaled by 4**-scale. The word `scale` is an integer that
  /// is found for each block of terms; the others are on it.
  bool has_scale = false;
  /// Whether the word 1 is an index.
  bool has_index = false;

  /// Returns the state of a reduction of nothing.
  [[nodiscard]] State identity() const;
  /// Combines a state with that of later positions.
  void combine(State& state, const State& later) const;
};

/// Returns the rows, in the order of the enumeration.
std::span<const ReductionRow> reduction_table();

/// Returns the row of a reduction.
const ReductionRow& row_of(Reduction reduction);

/// Returns what the bits of a word are as an index, and the reverse.
int64_t index_of(double word);
double word_of(int64_t index);

/// Below all positions: the index where no value was reduced.
inline constexpr int64_t kNoIndex = -1;

/// The word that holds the scale of a state with one.
inline constexpr std::size_t kScaleWord = 2;

/// Returns the scale for a block whose largest term is 4**bound, behind blocks
/// on a scale: the larger one, rounded up. An infinite term changes no scale;
/// it is infinite on any.
double scale_of_block(double before, double bound);

/// Returns the scale that exponents are subtracted from: 0 for that of nothing.
double usable_scale(double scale);

}  // namespace gramless
