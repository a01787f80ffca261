// SPDX-License-Identifier: MIT
// A map-reduce: expressions in variables indexed by i, by j or by neither,
// each reduced over j, over i, or over both.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/ir/expr.h"
#include "gramless/ir/reductions.h"

namespace gramless {

/// Returns `i`, `j` or nothing.
std::string_view pair_index_name(PairIndex index);

/// An array of the map-reduce, argument or result: `x0[i,d]`. In memory its
/// feature axes are one row-major dimension, behind i or j if it has one.
struct ArraySpec {
  std::string name;
  PairIndex pair = PairIndex::none;
  std::vector<Axis> features;
  /// Whether it is float64 in calls of any dtype, as parts of states are:
  /// printed `sum[i]:float64`.
  bool is_wide = false;

  /// Returns the dtype in memory in a call of a dtype.
  [[nodiscard]] DType dtype_in(DType call) const {
    return is_wide ? DType::float64 : call;
  }
  /// Returns the number of elements for one i or j.
  [[nodiscard]] int64_t width() const;
  bool operator==(const ArraySpec&) const = default;
};

/// Returns the dtype of a call: that of the first array that is not float64 in
/// calls of any.
DType find_dtype(std::span<const ArraySpec> argument_specs,
                 std::span<const ArrayView> arguments);

/// The name under which the value of an output reads the scale of the block of
/// terms that j is in: `scale[i,j,e]`.
inline constexpr std::string_view kScale = "scale";

/// What the names of the results of a derivative begin with.
inline constexpr std::string_view kGradient = "grad_";

/// Returns whether a result is a derivative by an argument.
inline bool is_gradient(const ArraySpec& result) {
  return result.name.starts_with(kGradient);
}

/// A reduced value, over the pair axes that `array` does not have. Its results
/// are those of the reduction's row.
struct Output {
  ArraySpec array;
  Expr value;
  Reduction reduction = Reduction::sum;
  /// Of a reduction with a scale, once transform/log_domain has found it: the
  /// logarithm of the largest term to the base 4, up to a factor of 2, -inf if
  /// all are 0. The value then has the factor 4**-scale.
  Expr bound = {};
};

/// The unit that is built, differentiated, lowered and run.
struct MapReduce {
  std::shared_ptr<ExprPool> pool;
  std::vector<ArraySpec> arguments;
  std::vector<Output> outputs;
};

/// Returns the arrays of an output's results.
std::vector<ArraySpec> results_of(const Output& output);

/// Returns the arrays of all results, output by output.
std::vector<ArraySpec> results_of(const MapReduce& map_reduce);

/// Returns the expressions of all outputs.
std::vector<Expr> roots_of(const MapReduce& map_reduce);

/// Rebuilds a map-reduce in a pool of its own, passing each node through
/// `visit`, which may replace it.
MapReduce rebuild(const MapReduce& map_reduce,
                  Expr (*visit)(ExprPool&, Expr) = nullptr);

/// Returns the same map-reduce in a pool that holds nothing else.
inline MapReduce copy_of(const MapReduce& map_reduce) {
  return rebuild(map_reduce);
}

/// Returns the scale of an output's block of terms.
Expr load_scale(ExprPool& pool, const ArraySpec& array);

/// Returns the element of an array at its own axes: `x0[i,d]`.
Expr load(ExprPool& pool, const ArraySpec& array);

/// Throws an InternalError if an expression uses an argument that is not
/// declared, an index out of its range, an axis that nothing binds, or an axis
/// with two extents.
void verify(const MapReduce& map_reduce);

}  // namespace gramless
