// SPDX-License-Identifier: MIT
// Derivatives of map-reduces: reverse mode over the graph of expressions.
#pragma once

#include <vector>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// Returns the product of a vector with the Jacobian of a map-reduce.
///
/// With outputs o_k and cotangents c_k, the result has an output
/// `grad_A` = ∂/∂A Σ_k <c_k, o_k> for each argument A in `wrt`. Its arguments
/// are those of `map_reduce`, then one cotangent for each output in
/// `cotangents`, called `cot_` and the output's name; an output that is not
/// listed has cotangent 0. An argument indexed by i is reduced over j, one
/// indexed by j over i, and one indexed by neither over both.
///
/// `wrt` and `cotangents` are positions among arguments and outputs.
MapReduce vjp(const MapReduce& map_reduce, const std::vector<std::size_t>& wrt,
              const std::vector<std::size_t>& cotangents);

/// Returns the array of the sum below a logarithm: see vjp_of_logarithm().
ArraySpec sum_of_logarithm(const MapReduce& map_reduce);

/// Returns the same for the logarithm of a map-reduce's one output, a sum on
/// the scale `shift`, which has no derivative. Its results are the logarithm,
/// number 0, and the sum itself, number 1. Behind the arguments of `map_reduce`
/// stands the sum, which a derivative needs and can be differentiated by.
/// Where the sum is 0, so is the derivative of its logarithm.
MapReduce vjp_of_logarithm(const MapReduce& map_reduce,
                           const std::vector<std::size_t>& wrt,
                           const std::vector<std::size_t>& cotangents);

/// Returns the derivative of <value, cotangent> by an argument, at the
/// argument's own feature axes. `axes` are the free feature axes of the two.
Expr gradient(Expr value, Expr cotangent, const std::vector<Axis>& axes,
              const ArraySpec& argument);

/// Returns the derivative of an operation by its operand number `k`, for use
/// by vjp() and by the tests of the derivative rows.
Expr partial_derivative(Expr operation, std::size_t k);

}  // namespace gramless
