// SPDX-License-Identifier: MIT
// The simplifier: rewrites beyond the normal form, as a table of rules.
#pragma once

#include <span>
#include <string_view>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// One rule: `pattern` becomes `result`. Both are in the language of
/// ir/reader.h; `n` and `m` stand for numbers, other letters for anything. The
/// two agree for all numbers, 0, -0, inf and NaN included. After a rule, all of
/// them are tried again on its result and what it is made of.
struct SimplifyRule {
  std::string_view pattern;
  std::string_view result;
};

/// Returns the rules, in the order in which they are tried.
std::span<const SimplifyRule> simplify_rules();

/// Returns an expression with all rules applied, operands first.
Expr simplify(ExprPool& pool, Expr expr);

/// Returns a map-reduce with all outputs simplified, in a pool of its own that
/// holds nothing else.
MapReduce simplify(const MapReduce& map_reduce);

}  // namespace gramless
