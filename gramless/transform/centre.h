// SPDX-License-Identifier: MIT
// Squared distances on centred points: with c the mean of the y,
//
//   sum_d g_d (x_d - y_d)^2
//     = sum_d g_d (x_d - c_d)^2 + sum_d g_d (y_d - c_d)^2
//       - 2 sum_d g_d (x_d - c_d) (y_d - c_d),
//
// of which a pair takes one sum of products. What it loses is relative to the
// first two sums, so that it serves smooth functions of distances that are not
// much larger than 1: exponentials of them, but no roots.
#pragma once

#include <optional>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// The extents of axes, from `least` to `most`.
struct ExtentRange {
  int64_t least;
  int64_t most;
};

/// What is to be known of points before they are centred: three map-reduces,
/// of which the latter two read the results of the first one.
struct CentreFacts {
  /// The totals of the y of each distance, and their number. It is to be run
  /// for one row.
  MapReduce totals;
  /// The largest |s| sum_d |g_d| (x_d - c_d)^2 of each distance with each
  /// factor s that an exponent has it with; to be run for one column. The same
  /// of y, to be run for one row.
  MapReduce row_radii;
  MapReduce column_radii;
};

/// Returns the facts for a map-reduce in the ordinary domain, before it is
/// differentiated; nothing if it has no distance over an axis of these extents,
/// or one that something else is made of than exponentials of its products with
/// constants.
std::optional<CentreFacts> centre_facts(const MapReduce& map_reduce,
                                        ExtentRange extents);

/// Returns the same results of a map-reduce, or of its derivatives, from its
/// arguments and the results `totals`.
MapReduce centre(const MapReduce& map_reduce, const MapReduce& totals,
                 ExtentRange extents);

}  // namespace gramless
