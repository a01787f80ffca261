// SPDX-License-Identifier: MIT
// Builds sums, products and powers in the normal form that ir/expr.h states.
#include <algorithm>
#include <cmath>

#include "gramless/error.h"
#include "gramless/ir/expr.h"

namespace gramless {
namespace {

bool is_integer(double value) { return value == std::trunc(value); }

/// Splits a term into its leading number and the rest.
std::pair<double, Expr> split_coefficient(ExprPool& pool, Expr term) {
  if (term->kind != NodeKind::multiply || !term->operands[0]->is_constant()) {
    return {1, term};
  }
  return {term->operands[0]->value,
          pool.multiply({term->operands.begin() + 1, term->operands.end()})};
}

struct Factor {
  Expr base;
  double exponent = 1;
  bool zero_at_zero = false;
  /// Whether roots are among what was merged.
  bool has_roots = false;
};

Factor split_exponent(Expr factor) {
  if (factor->kind == NodeKind::power || factor->kind == NodeKind::power0) {
    return {factor->operands[0], factor->value,
            factor->kind == NodeKind::power0, !is_integer(factor->value)};
  }
  return {factor};
}

bool is_root_domain(Expr expr) {
  return expr->kind == NodeKind::function &&
         expr->function == Function::root_domain;
}

/// Appends what roots leave behind that merged into an integer power of `base`:
/// NaN where it is negative.
void append_domain(Expr base, std::vector<Expr>& factors) {
  if (is_nonnegative(base)) return;
  factors.push_back(base->pool->apply(Function::root_domain, base));
}

/// Returns the operands, those of nested nodes of the same kind included.
std::vector<Expr> flatten(NodeKind kind, const std::vector<Expr>& operands) {
  std::vector<Expr> flat;
  for (const Expr& operand : operands) {
    if (operand->kind == kind) {
      flat.insert(flat.end(), operand->operands.begin(),
                  operand->operands.end());
    } else {
      flat.push_back(operand);
    }
  }
  return flat;
}

}  // namespace

/// Returns the terms of a sum with one select() for each mark. Branches of two
/// that merge may be sums and selects themselves.
std::vector<Expr> ExprPool::merge_selects(const std::vector<Expr>& terms) {
  using Group = std::vector<std::pair<double, Expr>>;
  std::vector<Expr> result;
  std::vector<Group> groups;
  for (const Expr& term : flatten(NodeKind::add, terms)) {
    const auto [coefficient, rest] = split_coefficient(*this, term);
    if (!is_select(rest)) {
      result.push_back(term);
      continue;
    }
    const auto same = std::find_if(
        groups.begin(), groups.end(), [mark = rest->operands[0]](auto& group) {
          return group[0].second->operands[0] == mark;
        });
    const bool is_new = same == groups.end();
    if (is_new) groups.emplace_back();
    (is_new ? groups.back() : *same).emplace_back(coefficient, rest);
  }
  bool is_final = true;
  for (const Group& group : groups) {
    const auto branch = [&](std::size_t k) {
      std::vector<Expr> sum;
      for (const auto& [coefficient, expr] : group) {
        sum.push_back(multiply({constant(coefficient), expr->operands[k]}));
      }
      return add(sum);
    };
    const auto& [coefficient, first] = group[0];
    is_final = is_final && group.size() == 1;
    result.push_back(group.size() == 1
                         ? multiply({constant(coefficient), first})
                         : select({first->operands[0], branch(1), branch(2)}));
  }
  return is_final ? result : merge_selects(result);
}

Expr ExprPool::add(const std::vector<Expr>& terms) {
  double number = 0;
  std::vector<std::pair<double, Expr>> merged;
  for (const Expr& term : merge_selects(terms)) {
    if (term->is_constant()) {
      number += term->value;
      continue;
    }
    const auto [coefficient, rest] = split_coefficient(*this, term);
    const auto same_sign = [&, c = coefficient, r = rest](const auto& other) {
      return other.second == r && other.first * c > 0;
    };
    const auto found = std::find_if(merged.begin(), merged.end(), same_sign);
    if (found != merged.end()) {
      found->first += coefficient;
    } else {
      merged.emplace_back(coefficient, rest);
    }
  }
  std::vector<Expr> operands;
  for (const auto& [coefficient, rest] : merged) {
    operands.push_back(multiply({constant(coefficient), rest}));
  }
  std::sort(operands.begin(), operands.end(), stands_before);
  if (number != 0 || operands.empty()) {
    operands.insert(operands.begin(), constant(number));
  }
  if (operands.size() == 1) return operands[0];
  return intern({.kind = NodeKind::add, .operands = std::move(operands)});
}

Expr ExprPool::multiply(const std::vector<Expr>& factors) {
  double number = 1;
  std::vector<Factor> merged;
  for (const Expr& factor : flatten(NodeKind::multiply, factors)) {
    if (factor->is_constant()) {
      number *= factor->value;
      continue;
    }
    const Factor split = split_exponent(factor);
    const auto same_sign = [&](const Factor& other) {
      return other.base == split.base &&
             other.zero_at_zero == split.zero_at_zero &&
             other.exponent * split.exponent > 0;
    };
    const auto found = std::find_if(merged.begin(), merged.end(), same_sign);
    if (found != merged.end()) {
      found->exponent += split.exponent;
      found->has_roots = found->has_roots || split.has_roots;
    } else {
      merged.push_back(split);
    }
  }
  std::vector<Expr> operands;
  for (const Factor& factor : merged) {
    if (factor.exponent == 1 && !factor.has_roots) {
      operands.push_back(whole(factor.base));
      continue;
    }
    operands.push_back(factor.zero_at_zero
                           ? power0(factor.base, factor.exponent)
                           : power(factor.base, factor.exponent));
    if (factor.has_roots && is_integer(factor.exponent)) {
      append_domain(factor.base, operands);
    }
  }
  // A merged root may have left a product behind: (sqrt(f*g))**2 is f*g.
  const auto is_product = [](const Expr& operand) {
    return operand->kind == NodeKind::multiply || operand->is_constant();
  };
  if (std::any_of(operands.begin(), operands.end(), is_product)) {
    operands.push_back(constant(number));
    return multiply(operands);
  }
  std::sort(operands.begin(), operands.end(), stands_before);
  if (number != 1 || operands.empty()) {
    operands.insert(operands.begin(), constant(number));
  }
  if (operands.size() == 1) return operands[0];
  return intern({.kind = NodeKind::multiply, .operands = std::move(operands)});
}

Expr ExprPool::divide(Expr numerator, Expr denominator) {
  if (numerator->is_constant() && denominator->is_constant()) {
    return constant(numerator->value / denominator->value);
  }
  return multiply({numerator, power(denominator, -1)});
}

Expr ExprPool::power_of_power(const Node& inner, double exponent) {
  const Expr base = inner.operands[0];
  const double product = inner.value * exponent;
  const Expr merged = inner.kind == NodeKind::power ? power(base, product)
                                                    : power0(base, product);
  if (is_integer(inner.value) || !is_integer(product)) return merged;
  std::vector<Expr> factors = {merged};
  append_domain(base, factors);
  return multiply(factors);
}

Expr ExprPool::power_with_roots(const Node& product, double exponent) {
  const auto merges = [&](const Expr& factor) {
    return factor->kind == NodeKind::power && !is_integer(factor->value) &&
           is_integer(factor->value * exponent);
  };
  std::vector<Expr> merged;
  std::vector<Expr> others;
  for (const Expr& factor : product.operands) {
    (merges(factor) ? merged : others).push_back(factor);
  }
  if (merged.empty()) return {};
  const Expr rest = multiply(others);
  const bool is_square =
      merged.size() == 1 && merged[0]->value == 0.5 && exponent == 2;
  if (is_square) {
    // In this order no product leaves the range that the square is in.
    const Expr base = merged[0]->operands[0];
    std::vector<Expr> factors = {whole(base * rest), rest};
    append_domain(base, factors);
    return multiply(factors);
  }
  for (Expr& factor : merged) factor = power(factor, exponent);
  merged.push_back(power(rest, exponent));
  return multiply(merged);
}

Expr ExprPool::whole(Expr product) {
  if (product->kind != NodeKind::multiply) return product;
  return intern({.kind = NodeKind::power, .value = 1, .operands = {product}});
}

Expr ExprPool::power(Expr base, double exponent) {
  if (exponent == 0) return constant(1);
  if (exponent == 1) return base;
  if (base->is_constant()) {
    return constant(gramless::power(base->value, exponent));
  }
  if (is_integer(exponent)) {
    if (is_root_domain(base) && exponent > 0) return base;
    if (base->kind == NodeKind::power ||
        (base->kind == NodeKind::power0 && exponent > 0)) {
      return power_of_power(*base, exponent);
    }
    if (base->kind == NodeKind::multiply) {
      const Expr number = base->operands[0];
      if (number->is_constant() && number->value == -1) {
        const double sign = std::fmod(exponent, 2) == 0 ? 1 : -1;
        const Expr rest =
            multiply({base->operands.begin() + 1, base->operands.end()});
        return multiply({constant(sign), power(rest, exponent)});
      }
      if (const Expr merged = power_with_roots(*base, exponent)) return merged;
    }
  }
  return intern(
      {.kind = NodeKind::power, .value = exponent, .operands = {base}});
}

Expr ExprPool::power0(Expr base, double exponent) {
  if (exponent > 0) return power(base, exponent);
  if (base->is_constant()) {
    return constant(base->value == 0 ? 0
                                     : gramless::power(base->value, exponent));
  }
  return intern(
      {.kind = NodeKind::power0, .value = exponent, .operands = {base}});
}

Expr ExprPool::sum(const Axis& axis, Expr body) {
  if (is_pair_axis(axis)) {
    throw InternalError("sum(): i and j are reduced by a map-reduce.");
  }
  if (axis.extent == 1) return rename(body, {{axis, int64_t{0}}});
  if (axis.extent == 0) return constant(0);
  if (!body->depends_on(axis)) {
    return multiply({constant(static_cast<double>(axis.extent)), body});
  }
  if (const std::optional<int64_t> position = only_position(body, axis)) {
    return rename(body->operands[1], {{axis, *position}});
  }
  if (body->kind == NodeKind::multiply) {
    std::vector<Expr> inside;
    std::vector<Expr> outside;
    for (const Expr& factor : body->operands) {
      (factor->depends_on(axis) ? inside : outside).push_back(factor);
    }
    if (!outside.empty()) {
      outside.push_back(sum(axis, multiply(inside)));
      return multiply(outside);
    }
  }
  if (is_select(body) && !body->operands[0]->depends_on(axis)) {
    return select({body->operands[0], sum(axis, body->operands[1]),
                   sum(axis, body->operands[2])});
  }
  Axis lowest = axis;
  for (lowest.primes = 0; lowest != axis && body->depends_on(lowest);) {
    ++lowest.primes;
  }
  if (lowest != axis) return sum(lowest, rename(body, {{axis, lowest}}));
  return intern({.kind = NodeKind::sum, .axis = axis, .operands = {body}});
}

}  // namespace gramless
