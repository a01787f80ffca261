// SPDX-License-Identifier: MIT
// Implements the pool of expressions: one node for each content, and walks.
#include "gramless/ir/expr.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <optional>

#include "gramless/error.h"

namespace gramless {
namespace {

void mix(std::size_t& seed, std::size_t value) {
  seed ^= value + 0x9e3779b97f4a7c15U + (seed << 6U) + (seed >> 2U);
}

std::size_t hash_of(const Axis& axis) {
  std::size_t seed = std::hash<std::string>{}(axis.name);
  mix(seed, static_cast<std::size_t>(axis.primes));
  mix(seed, static_cast<std::size_t>(axis.extent));
  return seed;
}

std::size_t hash_of(const NodeContent& content) {
  std::size_t seed = static_cast<std::size_t>(content.kind);
  mix(seed, std::bit_cast<uint64_t>(content.value));
  mix(seed, static_cast<std::size_t>(content.function));
  mix(seed, std::hash<std::string>{}(content.argument));
  for (const Index& index : content.indices) {
    if (const Axis* axis = std::get_if<Axis>(&index)) {
      mix(seed, hash_of(*axis));
    } else {
      mix(seed, static_cast<std::size_t>(std::get<int64_t>(index)));
    }
  }
  mix(seed, hash_of(content.axis));
  for (const Expr& operand : content.operands) {
    mix(seed, static_cast<std::size_t>(operand->id));
  }
  return seed;
}

bool same(const NodeContent& a, const NodeContent& b) {
  return a.kind == b.kind &&
         std::bit_cast<uint64_t>(a.value) == std::bit_cast<uint64_t>(b.value) &&
         a.function == b.function && a.argument == b.argument &&
         a.indices == b.indices && a.axis == b.axis && a.operands == b.operands;
}

std::vector<Axis> free_axes_of(const NodeContent& content) {
  std::vector<Axis> axes;
  for (const Index& index : content.indices) {
    if (const Axis* axis = std::get_if<Axis>(&index)) axes.push_back(*axis);
  }
  if (content.kind == NodeKind::at) axes.push_back(content.axis);
  for (const Expr& operand : content.operands) {
    for (const Axis& axis : operand->free_axes) {
      if (content.kind != NodeKind::sum || axis != content.axis) {
        axes.push_back(axis);
      }
    }
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

}  // namespace

std::string Axis::text() const {
  return name + std::string(static_cast<std::size_t>(primes), '\'');
}

bool is_pair_axis(const Axis& axis) { return axis == kAxisI || axis == kAxisJ; }

bool Node::depends_on(const Axis& which) const {
  return std::binary_search(free_axes.begin(), free_axes.end(), which);
}

Expr ExprPool::intern(NodeContent content) {
  const std::size_t hash = hash_of(content);
  const auto [first, last] = index_.equal_range(hash);
  for (auto found = first; found != last; ++found) {
    if (same(*found->second, content)) return found->second;
  }
  Node& node = nodes_.emplace_back();
  node.free_axes = free_axes_of(content);
  static_cast<NodeContent&>(node) = std::move(content);
  node.pool = this;
  node.id = static_cast<int>(nodes_.size()) - 1;
  index_.emplace(hash, Expr(&node));
  return Expr(&node);
}

Expr ExprPool::constant(double value) {
  return intern({.kind = NodeKind::constant, .value = value});
}

Expr ExprPool::load(const std::string& argument, std::vector<Index> indices) {
  return intern({.kind = NodeKind::load,
                 .argument = argument,
                 .indices = std::move(indices)});
}

Expr ExprPool::at(const Axis& axis, int64_t position) {
  if (axis.extent == 1) return constant(0);
  return intern({.kind = NodeKind::at,
                 .value = static_cast<double>(position),
                 .axis = axis});
}

Expr ExprPool::apply(Function function, const std::vector<Expr>& operands) {
  std::vector<double> values;
  for (const Expr& operand : operands) {
    if (operand->is_constant()) values.push_back(operand->value);
  }
  if (values.size() == operands.size()) {
    return constant(evaluate(function, values));
  }
  if (function == Function::select) return select(operands);
  return intern(
      {.kind = NodeKind::function, .function = function, .operands = operands});
}

Expr ExprPool::apply(Function function, Expr operand) {
  return apply(function, std::vector<Expr>{operand});
}

Expr ExprPool::maximum(const std::vector<Expr>& operands) {
  Expr largest = operands.at(0);
  for (const Expr& operand : operands) {
    if (operand == largest) continue;
    largest = apply(Function::maximum, {largest, operand});
  }
  return largest;
}

bool is_select(Expr expr) {
  return expr->kind == NodeKind::function && expr->function == Function::select;
}

std::optional<int64_t> only_position(Expr expr, const Axis& axis) {
  if (!is_select(expr)) return std::nullopt;
  const Node& at = *expr->operands[0];
  const Node& elsewhere = *expr->operands[2];
  const bool is_only = at.kind == NodeKind::at && at.axis == axis &&
                       elsewhere.is_constant() && elsewhere.value == 0;
  if (!is_only) return std::nullopt;
  return static_cast<int64_t>(at.value);
}

/// A select of a number, or of twice the same, is one of its branches; inside
/// of one, another with its mark is the branch that it takes there; what is 0
/// off one position of an axis is 0 at each other one.
Expr ExprPool::select(const std::vector<Expr>& operands) {
  const Expr& mark = operands[0];
  if (mark->is_constant()) return mark->value >= 0 ? operands[1] : operands[2];
  for (const std::size_t branch : {1, 2}) {
    const Expr inner = operands[branch];
    if (!is_select(inner) || inner->operands[0] != mark) continue;
    std::vector<Expr> merged = operands;
    merged[branch] = inner->operands[branch];
    return select(merged);
  }
  if (operands[1] == operands[2]) return operands[1];
  const bool is_zero = operands[1]->is_constant() && operands[1]->value == 0;
  if (mark->kind == NodeKind::at && is_zero) {
    const std::optional<int64_t> position =
        only_position(operands[2], mark->axis);
    if (position && *position != static_cast<int64_t>(mark->value)) {
      return operands[2];
    }
  }
  return intern({.kind = NodeKind::function,
                 .function = Function::select,
                 .operands = operands});
}

Expr ExprPool::with_operands(const Node& node,
                             const std::vector<Expr>& operands) {
  switch (node.kind) {
    case NodeKind::constant:
      return constant(node.value);
    case NodeKind::load:
      return load(node.argument, node.indices);
    case NodeKind::at:
      return at(node.axis, static_cast<int64_t>(node.value));
    case NodeKind::add:
      return add(operands);
    case NodeKind::multiply:
      return multiply(operands);
    case NodeKind::power:
      return node.value == 1 ? whole(operands[0])
                             : power(operands[0], node.value);
    case NodeKind::power0:
      return power0(operands[0], node.value);
    case NodeKind::function:
      return apply(node.function, operands);
    case NodeKind::sum:
      return sum(node.axis, operands[0]);
  }
  throw InternalError("with_operands(): unknown kind of node.");
}

Expr ExprPool::rename(Expr expr, const std::map<Axis, Index>& names) {
  std::map<Axis, Index> used;
  for (const auto& [from, to] : names) {
    if (to != Index(from) && expr->depends_on(from)) used.emplace(from, to);
  }
  if (used.empty()) return expr;
  if (expr->kind == NodeKind::load) {
    std::vector<Index> indices = expr->indices;
    for (Index& index : indices) {
      const Axis* axis = std::get_if<Axis>(&index);
      if (axis != nullptr && used.contains(*axis)) index = used.at(*axis);
    }
    return load(expr->argument, std::move(indices));
  }
  if (expr->kind == NodeKind::at) {
    const Index& to = used.at(expr->axis);
    const auto position = static_cast<int64_t>(expr->value);
    if (const Axis* axis = std::get_if<Axis>(&to)) return at(*axis, position);
    return constant(std::get<int64_t>(to) == position ? 0 : -1);
  }
  if (expr->kind == NodeKind::sum) {
    Axis bound = expr->axis;
    const Node& body = *expr->operands[0];
    const auto is_target = [&](const auto& entry) {
      return entry.second == Index(bound);
    };
    while (body.depends_on(bound) ||
           std::any_of(used.begin(), used.end(), is_target)) {
      ++bound.primes;
    }
    used.emplace(expr->axis, bound);
    return sum(bound, rename(expr->operands[0], used));
  }
  std::vector<Expr> operands;
  operands.reserve(expr->operands.size());
  for (const Expr& operand : expr->operands) {
    operands.push_back(rename(operand, used));
  }
  return with_operands(*expr, operands);
}

Expr operator+(Expr a, Expr b) { return a->pool->add({a, b}); }

Expr operator-(Expr a) { return a->pool->multiply({a->pool->constant(-1), a}); }

Expr operator-(Expr a, Expr b) { return a + (-b); }

Expr operator*(Expr a, Expr b) { return a->pool->multiply({a, b}); }

namespace {

std::strong_ordering compare(double a, double b) {
  return std::bit_cast<int64_t>(a) <=> std::bit_cast<int64_t>(b);
}

std::strong_ordering compare(const Expr& a, const Expr& b) {
  if (a == b) return std::strong_ordering::equal;
  if (a->kind != b->kind) return a->kind <=> b->kind;
  if (a->function != b->function) return a->function <=> b->function;
  if (const auto order = a->argument <=> b->argument; order != 0) return order;
  if (const auto order = a->indices <=> b->indices; order != 0) return order;
  if (const auto order = a->axis <=> b->axis; order != 0) return order;
  if (const auto order = compare(a->value, b->value); order != 0) return order;
  const std::size_t count = a->operands.size();
  if (count != b->operands.size()) return count <=> b->operands.size();
  for (std::size_t k = 0; k < count; ++k) {
    const auto order = compare(a->operands[k], b->operands[k]);
    if (order != 0) return order;
  }
  return std::strong_ordering::equal;
}

}  // namespace

bool stands_before(Expr a, Expr b) { return compare(a, b) < 0; }

namespace {

/// Of a power with a number that is not 0 as exponent.
bool is_nonnegative_power(Expr base, double exponent) {
  if (std::fmod(exponent, 2) == 0) return true;
  if (exponent != std::trunc(exponent)) return true;  // NaN below 0.
  // 1/(-0) is -inf: a function that is never negative gives no -0.
  const bool is_inverse = exponent < 0;
  return is_inverse ? base->kind == NodeKind::function &&
                          row_of(base->function).sign == Sign::nonnegative
                    : is_nonnegative(base);
}

bool is_nonnegative_function(const Node& node) {
  const std::vector<Expr>& operands = node.operands;
  switch (row_of(node.function).sign) {
    case Sign::any:
      return false;
    case Sign::nonnegative:
      return true;
    case Sign::as_operands:
      return std::all_of(operands.begin(), operands.end(), is_nonnegative);
    case Sign::as_one_operand:
      return std::any_of(operands.begin(), operands.end(), is_nonnegative);
    case Sign::as_branches:
      return std::all_of(operands.begin() + 1, operands.end(), is_nonnegative);
  }
  throw InternalError("is_nonnegative_function(): unknown sign.");
}

}  // namespace

bool is_nonnegative(Expr expr) {
  switch (expr->kind) {
    case NodeKind::constant:
      return !(expr->value < 0);
    case NodeKind::power:
    case NodeKind::power0:
      return is_nonnegative_power(expr->operands[0], expr->value);
    case NodeKind::add:
    case NodeKind::multiply:
    case NodeKind::sum:
      return std::all_of(expr->operands.begin(), expr->operands.end(),
                         is_nonnegative);
    case NodeKind::function:
      return is_nonnegative_function(*expr);
    case NodeKind::load:
    case NodeKind::at:
      return false;
  }
  throw InternalError("is_nonnegative(): unknown kind of node.");
}

std::vector<Expr> nodes_below(std::span<const Expr> roots) {
  std::map<int, Expr> found;
  std::vector<Expr> waiting(roots.begin(), roots.end());
  while (!waiting.empty()) {
    const Expr expr = waiting.back();
    waiting.pop_back();
    if (!found.emplace(expr->id, expr).second) continue;
    waiting.insert(waiting.end(), expr->operands.begin(), expr->operands.end());
  }
  std::vector<Expr> nodes;
  nodes.reserve(found.size());
  for (const auto& [id, expr] : found) nodes.push_back(expr);
  return nodes;
}

Expr rebuild(ExprPool& pool, Expr expr, std::unordered_map<int, Expr>& done,
             Expr (*visit)(ExprPool&, Expr)) {
  const std::vector<Expr> roots = {expr};
  for (const Expr& node : nodes_below(roots)) {
    if (done.contains(node->id)) continue;
    std::vector<Expr> operands;
    operands.reserve(node->operands.size());
    for (const Expr& operand : node->operands) {
      operands.push_back(done.at(operand->id));
    }
    Expr built = pool.with_operands(*node, operands);
    if (visit != nullptr) built = visit(pool, built);
    done.emplace(node->id, built);
  }
  return done.at(expr->id);
}

}  // namespace gramless
