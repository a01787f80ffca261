// SPDX-License-Identifier: MIT
// Finds squared distances, and expands them.
#include "gramless/transform/centre.h"

#include <algorithm>
#include <unordered_map>

#include "gramless/base/text.h"

namespace gramless {
namespace {

constexpr const char* kCount = "count";

bool depends_on_pair(Expr expr) {
  return expr->depends_on(kAxisI) || expr->depends_on(kAxisJ);
}

/// sum(axis, factor*(x - y)**2), of which x has i and y has j.
struct Distance {
  Expr node;
  Axis axis;
  Expr x;
  Expr y;
  Expr factor;
};

/// Returns a loaded element of the axis, or of its negative.
Expr loaded(Expr term, const Axis& axis, bool is_negative) {
  if (is_negative) {
    const bool is_scaled =
        term->kind == NodeKind::multiply && term->operands.size() == 2 &&
        term->operands[0]->is_constant() && term->operands[0]->value == -1;
    if (!is_scaled) return {};
    term = term->operands[1];
  }
  const bool is_load = term->kind == NodeKind::load &&
                       term->indices.size() == 2 &&
                       term->indices[1] == Index(axis);
  return is_load ? term : Expr();
}

/// Finds x and y in x - y or y - x.
bool find_points(Expr difference, Distance& distance) {
  if (difference->kind != NodeKind::add || difference->operands.size() != 2) {
    return false;
  }
  for (const std::size_t k : {0U, 1U}) {
    const Expr a = loaded(difference->operands[k], distance.axis, false);
    const Expr b = loaded(difference->operands[1 - k], distance.axis, true);
    if (!a || !b) continue;
    const bool is_forward = a->indices[0] == Index(kAxisI);
    distance.x = is_forward ? a : b;
    distance.y = is_forward ? b : a;
    return distance.x->indices[0] == Index(kAxisI) &&
           distance.y->indices[0] == Index(kAxisJ);
  }
  return false;
}

std::optional<Distance> as_distance(Expr node, ExtentRange extents) {
  if (node->kind != NodeKind::sum || node->axis.extent < extents.least ||
      node->axis.extent > extents.most) {
    return {};
  }
  const Expr body = node->operands[0];
  std::vector<Expr> factors = {body};
  if (body->kind == NodeKind::multiply) factors = body->operands;
  const auto square =
      std::find_if(factors.begin(), factors.end(), depends_on_pair);
  if (square == factors.end()) return {};
  const Expr power = *square;
  if (power->kind != NodeKind::power || power->value != 2) return {};
  Distance distance{node, node->axis, {}, {}, {}};
  if (!find_points(power->operands[0], distance)) return {};
  factors.erase(square);
  if (std::any_of(factors.begin(), factors.end(), depends_on_pair)) return {};
  distance.factor = node->pool->multiply(factors);
  return distance;
}

std::vector<Distance> distances_in(const MapReduce& map_reduce,
                                   ExtentRange extents) {
  std::vector<Distance> distances;
  for (const Expr& node : nodes_below(roots_of(map_reduce))) {
    if (const auto distance = as_distance(node, extents)) {
      distances.push_back(*distance);
    }
  }
  return distances;
}

std::string total_name(Expr y) { return "total_" + y->argument; }

/// Returns an element of an array of points less that of the mean of y, in a
/// pool. Totals and count are arguments there.
Expr centred(ExprPool& pool, Expr point, Expr y) {
  const Index element = y->indices[1];
  const Expr total = pool.load(total_name(y), {element});
  const Expr mean = pool.divide(total, pool.load(kCount, {}));
  return pool.load(point->argument, point->indices) - mean;
}

/// A distance and what it is multiplied by in an exponent.
struct Exponent {
  Distance distance;
  Expr factor;
};

/// Finds the exponents that distances are used in.
class Exponents {
 public:
  Exponents(const MapReduce& map_reduce, ExtentRange extents)
      : distances_(distances_in(map_reduce, extents)),
        nodes_(nodes_below(roots_of(map_reduce))) {}

  /// Returns nothing if one is used otherwise.
  std::vector<Exponent> find() {
    std::vector<Exponent> exponents;
    for (const Distance& distance : distances_) {
      for (const Expr& user : users_of(distance.node)) {
        const auto factor = constant_factor(user, distance.node);
        if (!factor || !is_smooth(user)) return {};
        exponents.push_back({distance, *factor});
      }
    }
    return exponents;
  }

 private:
  [[nodiscard]] std::vector<Expr> users_of(Expr node) const {
    std::vector<Expr> users;
    for (const Expr& user : nodes_) {
      const std::vector<Expr>& operands = user->operands;
      if (std::find(operands.begin(), operands.end(), node) != operands.end()) {
        users.push_back(user);
      }
    }
    return users;
  }

  /// Returns the rest of a product, if no pair changes it.
  static std::optional<Expr> constant_factor(Expr product, Expr distance) {
    if (product->kind != NodeKind::multiply) return {};
    std::vector<Expr> factors;
    for (const Expr& factor : product->operands) {
      if (factor == distance) continue;
      if (depends_on_pair(factor)) return {};
      factors.push_back(factor);
    }
    return product->pool->multiply(factors);
  }

  /// Whether a value is used in exponentials, sums and products alone.
  [[nodiscard]] bool is_smooth(Expr node) const {
    const std::vector<Expr> users = users_of(node);
    return std::all_of(users.begin(), users.end(), [&](const Expr& user) {
      const bool is_known =
          user->kind == NodeKind::add || user->kind == NodeKind::multiply ||
          user->kind == NodeKind::sum ||
          (user->kind == NodeKind::function && user->function == Function::exp);
      return is_known && is_smooth(user);
    });
  }

  std::vector<Distance> distances_;
  std::vector<Expr> nodes_;
};

ArraySpec declared(const MapReduce& map_reduce, const std::string& name) {
  return *std::find_if(
      map_reduce.arguments.begin(), map_reduce.arguments.end(),
      [&](const ArraySpec& array) { return array.name == name; });
}

/// Returns the totals as a map-reduce.
MapReduce totals_of(const MapReduce& map_reduce,
                    const std::vector<Exponent>& exponents) {
  MapReduce totals{std::make_shared<ExprPool>(), map_reduce.arguments, {}};
  ExprPool& pool = *totals.pool;
  totals.outputs.push_back(
      {{kCount, PairIndex::none, {}}, pool.constant(1), Reduction::sum});
  std::vector<std::string> names;
  for (const Exponent& exponent : exponents) {
    const std::string name = exponent.distance.y->argument;
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name);
    const ArraySpec y = declared(map_reduce, name);
    totals.outputs.push_back(
        {{total_name(exponent.distance.y), PairIndex::none, y.features},
         load(pool, y),
         Reduction::sum});
  }
  return totals;
}

/// Returns the radii of x or of y as a map-reduce.
MapReduce radii_of(const MapReduce& map_reduce, const MapReduce& totals,
                   const std::vector<Exponent>& exponents, bool of_x) {
  MapReduce radii{std::make_shared<ExprPool>(), map_reduce.arguments, {}};
  for (const ArraySpec& total : results_of(totals)) {
    radii.arguments.push_back(total);
  }
  ExprPool& pool = *radii.pool;
  std::unordered_map<int, Expr> done;
  for (const auto& [distance, factor] : exponents) {
    const Expr point =
        centred(pool, of_x ? distance.x : distance.y, distance.y);
    const Expr weight =
        pool.apply(Function::abs, rebuild(pool, distance.factor, done));
    const Expr scale = pool.apply(Function::abs, rebuild(pool, factor, done));
    radii.outputs.push_back(
        {{concat("radius", radii.outputs.size()),
          of_x ? PairIndex::j : PairIndex::i,
          {}},
         scale * pool.sum(distance.axis, weight * pool.power(point, 2)),
         Reduction::max});
  }
  return radii;
}

}  // namespace

std::optional<CentreFacts> centre_facts(const MapReduce& map_reduce,
                                        ExtentRange extents) {
  const std::vector<Exponent> exponents = Exponents(map_reduce, extents).find();
  if (exponents.empty()) return {};
  CentreFacts facts;
  facts.totals = totals_of(map_reduce, exponents);
  facts.row_radii = radii_of(map_reduce, facts.totals, exponents, true);
  facts.column_radii = radii_of(map_reduce, facts.totals, exponents, false);
  return facts;
}

MapReduce centre(const MapReduce& map_reduce, const MapReduce& totals,
                 ExtentRange extents) {
  MapReduce result{std::make_shared<ExprPool>(), map_reduce.arguments, {}};
  for (const ArraySpec& total : results_of(totals)) {
    result.arguments.push_back(total);
  }
  ExprPool& pool = *result.pool;
  std::unordered_map<int, Expr> done;
  for (const Distance& distance : distances_in(map_reduce, extents)) {
    const Expr x = centred(pool, distance.x, distance.y);
    const Expr y = centred(pool, distance.y, distance.y);
    const Expr factor = rebuild(pool, distance.factor, done);
    const Expr expanded =
        pool.sum(distance.axis, factor * pool.power(x, 2)) +
        pool.sum(distance.axis, factor * pool.power(y, 2)) +
        pool.constant(-2) * pool.sum(distance.axis, factor * x * y);
    done.emplace(distance.node->id, expanded);
  }
  for (const Output& output : map_reduce.outputs) {
    Output& copy = result.outputs.emplace_back(output);
    copy.value = rebuild(pool, output.value, done);
    if (output.bound) copy.bound = rebuild(pool, output.bound, done);
  }
  return result;
}

}  // namespace gramless
