// SPDX-License-Identifier: MIT
// Holds the table of reductions.
#include "gramless/ir/reductions.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "gramless/error.h"

namespace gramless {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Adds in four strands, so that rounding errors stay below count/4 steps.
double sum_of(std::span<const double> values) {
  std::array<double, 4> strands{};
  std::size_t k = 0;
  for (; k + 4 <= values.size(); k += 4) {
    for (std::size_t s = 0; s < 4; ++s) strands[s] += values[k + s];
  }
  for (; k < values.size(); ++k) strands[0] += values[k];
  return (strands[0] + strands[1]) + (strands[2] + strands[3]);
}

/// Adds a sum, and to the error what rounding lost.
void add_with_error(State& state, double term, double error) {
  const double before = state[0];
  const double sum = before + term;
  const double rounded = sum - before;
  state[0] = sum;
  state[1] += (before - (sum - rounded)) + (term - rounded) + error;
}

void reduce_sum(std::span<const double> values, int64_t /*first*/,
                State& state) {
  add_with_error(state, sum_of(values), 0);
}

void combine_sums(State& state, const State& later) {
  add_with_error(state, later[0], later[1]);
}

/// Combines states of so many words one by one.
template <std::size_t words, void (*combine)(State&, const State&)>
void combine_all(const StateWords& states, const ConstStateWords& later,
                 int64_t count) {
  for (int64_t n = 0; n < count; ++n) {
    State state{};
    State other{};
    for (std::size_t k = 0; k < words; ++k) {
      state[k] = states[k][n];
      other[k] = later[k][n];
    }
    combine(state, other);
    for (std::size_t k = 0; k < words; ++k) states[k][n] = state[k];
  }
}

/// The errors of an infinite sum are NaN, which says nothing.
void settle_sum(const StateWords& words, int64_t count) {
  for (int64_t k = 0; k < count; ++k) {
    const double sum = words[0][k];
    words[0][k] = std::isfinite(sum) ? sum + words[1][k] : sum;
  }
}

/// Returns 4**exponent for integers, but no less than the smallest normal
/// number, so that what is infinite stays so.
double power_of_four(double exponent) {
  constexpr double kLowest = -511;
  return std::ldexp(1, static_cast<int>(2 * std::max(kLowest, exponent)));
}

/// Brings a state to a scale that is not below its own.
void rescale(State& state, double scale) {
  if (state[kScaleWord] == scale) return;
  const double factor = power_of_four(state[kScaleWord] - scale);
  state[0] *= factor;
  state[1] *= factor;
  state[kScaleWord] = scale;
}

void combine_scaled(State& state, const State& later) {
  const double scale = std::max(state[kScaleWord], later[kScaleWord]);
  State other = later;
  rescale(state, scale);
  rescale(other, scale);
  add_with_error(state, other[0], other[1]);
}

/// Nothing, and what is no number, has the scale 0.
void settle_scaled(const StateWords& words, int64_t count) {
  settle_sum(words, count);
  for (int64_t k = 0; k < count; ++k) {
    double& scale = words[kScaleWord][k];
    scale = std::isfinite(words[0][k]) ? usable_scale(scale) : 0;
  }
}

/// Keeps the better one of two extremes. NaN is better than any number, and
/// the lower index than a higher one. `sign` is -1 for the smallest value.
template <int sign>
void combine_extremes(State& state, const State& later) {
  if (index_of(later[1]) == kNoIndex) return;
  const bool is_first = index_of(state[1]) == kNoIndex;
  const bool is_better = sign * later[0] > sign * state[0] ||
                         (std::isnan(later[0]) && !std::isnan(state[0]));
  const bool is_tie =
      later[0] == state[0] || (std::isnan(later[0]) && std::isnan(state[0]));
  const bool is_earlier = is_tie && index_of(later[1]) < index_of(state[1]);
  if (is_first || is_better || is_earlier) state = later;
}

template <int sign>
void reduce_extreme(std::span<const double> values, int64_t first,
                    State& state) {
  for (const double value : values) {
    combine_extremes<sign>(state, {value, word_of(first++), 0});
  }
}

void settle_extreme(const StateWords& words, int64_t count) {
  for (int64_t k = 0; k < count; ++k) {
    words[1][k] = static_cast<double>(index_of(words[1][k]));
  }
}

constexpr std::array kSumWords = {StateWord{"sum", 0}, StateWord{"error", 0}};
constexpr std::array kSumResults = {ReductionResult{"", "sum", "cot"}};

constexpr std::array kScaledWords = {StateWord{"sum", 0}, StateWord{"error", 0},
                                     StateWord{"scale", -kInfinity}};
constexpr std::array kLogarithmResults = {
    ReductionResult{"",
                    "1.3862943611198906*scale + 0.6931471805599453*log2(sum)",
                    "cot*power0(sum, -1)"},
    ReductionResult{"sum", "sum", "cot", true},
    ReductionResult{kShift, "scale", ""},
};

constexpr double kNoIndexWord = std::bit_cast<double>(kNoIndex);
constexpr std::array kMaxWords = {StateWord{"value", -kInfinity},
                                  StateWord{"index", kNoIndexWord}};
constexpr std::array kMinWords = {StateWord{"value", kInfinity},
                                  StateWord{"index", kNoIndexWord}};
constexpr std::array kExtremeResults = {
    ReductionResult{"", "value", "select(-abs(index - position), cot, 0)"},
    ReductionResult{"index", "index", "", true},
};

constexpr std::array kReductionTable = {
    ReductionRow{Reduction::sum, "sum", kSumWords, reduce_sum,
                 combine_all<2, combine_sums>, settle_sum, kSumResults},
    ReductionRow{Reduction::log_sum_exp, "log_sum_exp", kScaledWords,
                 reduce_sum, combine_all<3, combine_scaled>, settle_scaled,
                 kLogarithmResults, true},
    ReductionRow{Reduction::max, "max", kMaxWords, reduce_extreme<1>,
                 combine_all<2, combine_extremes<1>>, settle_extreme,
                 kExtremeResults, false, true},
    ReductionRow{Reduction::min, "min", kMinWords, reduce_extreme<-1>,
                 combine_all<2, combine_extremes<-1>>, settle_extreme,
                 kExtremeResults, false, true},
};

}  // namespace

State ReductionRow::identity() const {
  State state{};
  for (std::size_t k = 0; k < words.size(); ++k)
    state.at(k) = words[k].identity;
  return state;
}

void ReductionRow::combine(State& state, const State& later) const {
  combine_all({&state[0], &state[1], &state[2]},
              {&later[0], &later[1], &later[2]}, 1);
}

std::span<const ReductionRow> reduction_table() { return kReductionTable; }

const ReductionRow& row_of(Reduction reduction) {
  const auto index = static_cast<std::size_t>(reduction);
  if (index < kReductionTable.size()) return kReductionTable.at(index);
  throw InternalError("row_of(): unknown reduction.");
}

int64_t index_of(double word) { return std::bit_cast<int64_t>(word); }
double word_of(int64_t index) { return std::bit_cast<double>(index); }

double scale_of_block(double before, double bound) {
  const double scale = std::ceil(bound);
  return std::isfinite(scale) && scale > before ? scale : before;
}

double usable_scale(double scale) { return std::isinf(scale) ? 0 : scale; }

}  // namespace gramless
