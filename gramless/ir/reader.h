// SPDX-License-Identifier: MIT
// Reads expressions and map-reduces from the text that ir/printer.h writes.
//
// Derivative rules, simplification rules and the formulas of atoms are texts
// in this language: what a person reads is what is applied.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "gramless/ir/map_reduce.h"
#include "gramless/text/syntax.h"

namespace gramless {

/// What the names in a text stand for.
struct Names {
  std::map<std::string, Expr, std::less<>> values;
  /// Extents of the feature axes, by name without primes.
  std::map<std::string, int64_t, std::less<>> extents;
};

/// Returns what the operand names `a`, `b` and `c` of the operator table stand
/// for.
std::map<std::string, Expr, std::less<>> operand_names(
    std::span<const Expr> operands);

/// Builds the expression that a text describes. Beside the functions of the
/// table it knows sqrt, rsqrt, rsqrt0, power(f, p), power0(f, p), sum(d, f),
/// at(d, k), inf and nan. Throws ArgumentError where the text is wrong.
Expr read_expr(ExprPool& pool, std::string_view text, const Names& names);

/// Builds the map-reduce that to_text() printed.
MapReduce read_map_reduce(std::string_view text);

}  // namespace gramless
