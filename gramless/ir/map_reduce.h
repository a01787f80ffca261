// SPDX-License-Identifier: MIT
// A map-reduce: expressions in variables indexed by i, by j or by neither,
// each reduced over j, over i, or over both.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/ir/expr.h"

namespace gramless {

/// Returns `i`, `j` or nothing.
std::string_view pair_index_name(PairIndex index);

/// An array of the map-reduce, argument or result: `x0[i,d]`. In memory its
/// feature axes are one row-major dimension, behind i or j if it has one.
struct ArraySpec {
  std::string name;
  PairIndex pair = PairIndex::none;
  std::vector<Axis> features;

  /// Returns the number of elements for one i or j.
  [[nodiscard]] int64_t columns() const;
  bool operator==(const ArraySpec&) const = default;
};

/// How an output combines its values. The maximum of none is -inf; NaN has no
/// part in it. It has derivative 0: it serves to scale other sums.
enum class Reduction : uint8_t { sum, max };

/// Returns what a reduction of no values is.
inline double identity_of(Reduction reduction) {
  return reduction == Reduction::sum ? 0
                                     : -std::numeric_limits<double>::infinity();
}

/// A result: `value` reduced over the pair axes that `array` does not have.
struct Output {
  ArraySpec array;
  Expr value;
  Reduction reduction = Reduction::sum;
};

/// The unit that is built, differentiated, lowered and run.
struct MapReduce {
  std::shared_ptr<ExprPool> pool;
  std::vector<ArraySpec> arguments;
  std::vector<Output> outputs;
};

/// Returns the same map-reduce in a pool that holds nothing else.
MapReduce copy_of(const MapReduce& map_reduce);

/// Returns the element of an array at its own axes: `x0[i,d]`.
Expr load(ExprPool& pool, const ArraySpec& array);

/// Throws an InternalError if an expression uses an argument that is not
/// declared, an index out of its range, an axis that nothing binds, or an axis
/// with two extents.
void verify(const MapReduce& map_reduce);

}  // namespace gramless
