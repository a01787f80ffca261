// SPDX-License-Identifier: MIT
// Derivatives of map-reduces: reverse mode over the graph of expressions.
#pragma once

#include <vector>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// Returns the product of a vector with the Jacobian of a map-reduce.
///
/// With results r_k and cotangents c_k, the derivative has an output
/// `grad_A` = ∂/∂A Σ_k <c_k, r_k> for each argument A in `wrt`. Its arguments
/// are those of `map_reduce`, its state_arguments(), then one cotangent for
/// each result in `cotangents`, called `cot_` and the result's name; a result
/// that is not listed has cotangent 0. An argument indexed by i is reduced over
/// j, one indexed by j over i, and one indexed by neither over both.
///
/// `wrt` and `cotangents` are positions among arguments and results.
MapReduce vjp(const MapReduce& map_reduce, const std::vector<std::size_t>& wrt,
              const std::vector<std::size_t>& cotangents);

/// Returns what a derivative takes of the reduced states: the named results of
/// each output, the last one first, and, where one is an index, the positions
/// on the reduced axis, 0, 1, 2, …
std::vector<ArraySpec> state_arguments(const MapReduce& map_reduce);

/// Returns the derivative of <value, cotangent> by an argument, at the
/// argument's own feature axes. `axes` are the free feature axes of the two.
Expr gradient(Expr value, Expr cotangent, const std::vector<Axis>& axes,
              const ArraySpec& argument);

/// Returns the derivative of an operation by its operand number `k`, for use
/// by vjp() and by the tests of the derivative rows.
Expr partial_derivative(Expr operation, std::size_t k);

}  // namespace gramless
