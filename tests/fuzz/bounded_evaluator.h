// SPDX-License-Identifier: MIT
// What a map-reduce means at one element, with a bound of the errors that an
// engine may make there.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fuzz/bounded.h"
#include "gramless/backend/backend.h"
#include "gramless/ir/map_reduce.h"

namespace gramless::testing {

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

  [[nodiscard]] Bounded total_of(const BoundedValues& terms) const;
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
