// SPDX-License-Identifier: MIT
// What a map-reduce means at one element, with a bound of the errors that
// arithmetic in a format makes there: the plain evaluator's numbers, next to
// how far a right engine may be off.
#pragma once

#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gramless/backend/backend.h"
#include "gramless/ir/map_reduce.h"

namespace gramless::testing {

/// A number, exact where the error is 0, and unknown where it is inf. Infinite
/// numbers are exact or unknown.
struct Bounded {
  double value = 0;
  double error = 0;
  [[nodiscard]] bool is_known() const { return error < inf(); }
  [[nodiscard]] bool is_exact() const { return error == 0; }
  static double inf() { return std::numeric_limits<double>::infinity(); }
};

/// A format of numbers.
struct Format {
  int bits = 53;
  double unit = 0x1p-53;
  double smallest = std::numeric_limits<double>::min();
  double largest = std::numeric_limits<double>::max();
};

Format format_of(DType dtype);

/// Returns what a number may be that was stored in a format.
Bounded stored(const Format& format, double value);

/// Evaluates elements by recursion over the graph, with nothing simplified.
class BoundedEvaluator {
 public:
  using Arrays = std::map<std::string, std::vector<double>>;

  BoundedEvaluator(const MapReduce& map_reduce, const Arrays& arrays,
                   Sizes sizes, DType dtype)
      : map_reduce_(map_reduce),
        arrays_(arrays),
        sizes_(sizes),
        format_(format_of(dtype)) {}

  /// Returns an element of an output. Beyond `kMostSteps` for all that were
  /// asked for, nothing is known.
  Bounded element(const Output& output, int64_t row, int64_t column);

 private:
  static constexpr int64_t kMostSteps = 40'000;

  Bounded value(Expr expr);
  Bounded compute(const Node& node);
  Bounded load(const Node& node);
  [[nodiscard]] uint64_t positions_key(const Node& node) const;

  const MapReduce& map_reduce_;
  const Arrays& arrays_;
  Sizes sizes_;
  Format format_;
  int64_t steps_ = 0;
  std::map<Axis, int64_t> at_;
  std::map<std::pair<int, uint64_t>, Bounded> done_;  // Of one pair.
};

}  // namespace gramless::testing
