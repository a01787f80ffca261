// SPDX-License-Identifier: MIT
// Prints expressions and map-reduces in the language that ir/reader.h reads.
#pragma once

#include <map>
#include <string>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// Returns what an output is reduced by: `sum_j`, `max_i`, `sum_ij`, …
std::string reduction_name(const ArraySpec& array, Reduction reduction);

/// Returns an expression in one line: `exp(-g0[0]*sum(d, x0[i,d]**2))`.
std::string to_text(Expr expr);

/// Returns the same, with the nodes in `names` written by their names.
std::string to_text(Expr expr, const std::map<int, std::string>& names);

/// Returns `x0[i,d:3]`: an array with the extents of its feature axes.
std::string to_text(const ArraySpec& array);

/// Returns a map-reduce, one statement a line: the arguments, the nodes that
/// are used more than once by the names t0, t1, …, then the outputs.
std::string to_text(const MapReduce& map_reduce);

}  // namespace gramless
