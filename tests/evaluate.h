// SPDX-License-Identifier: MIT
// A plain evaluator of expressions for the tests: one recursion over the graph,
// with nothing lowered, hoisted or blocked.
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gramless/ir/map_reduce.h"

namespace gramless::testing {

/// Returns an element of an argument at its positions, i or j first.
using Lookup = std::function<double(const std::string& argument,
                                    const std::vector<int64_t>& positions)>;

/// Positions on the axes, by their text: i, j, d, d', …
using Positions = std::map<std::string, int64_t>;

inline double evaluate(Expr expr, const Lookup& lookup, Positions at = {}) {
  const auto operand = [&](std::size_t k) {
    return evaluate(expr->operands[k], lookup, at);
  };
  switch (expr->kind) {
    case NodeKind::constant:
      return expr->value;
    case NodeKind::load: {
      std::vector<int64_t> positions;
      for (const Index& index : expr->indices) {
        const Axis* axis = std::get_if<Axis>(&index);
        positions.push_back(axis != nullptr ? at.at(axis->text())
                                            : std::get<int64_t>(index));
      }
      return lookup(expr->argument, positions);
    }
    case NodeKind::add: {
      double sum = 0;
      for (std::size_t k = 0; k < expr->operands.size(); ++k) sum += operand(k);
      return sum;
    }
    case NodeKind::multiply: {
      double product = 1;
      for (std::size_t k = 0; k < expr->operands.size(); ++k) {
        product *= operand(k);
      }
      return product;
    }
    case NodeKind::power:
      return std::pow(operand(0), expr->value);
    case NodeKind::power0:
      return operand(0) == 0 ? 0 : std::pow(operand(0), expr->value);
    case NodeKind::function:
      return evaluate(expr->function, operand(0));
    case NodeKind::sum: {
      double sum = 0;
      for (int64_t k = 0; k < expr->axis.extent; ++k) {
        at[expr->axis.text()] = k;
        sum += operand(0);
      }
      return sum;
    }
  }
  return std::nan("");
}

}  // namespace gramless::testing
