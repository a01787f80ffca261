// SPDX-License-Identifier: MIT
// Implements reverse mode.
//
// The adjoint of a node is the derivative of the summed outputs by the node's
// value, for one pair (i, j) and one position on each of the node's feature
// axes. It depends on no other feature axis: where a parent has an axis that
// the node lacks, the contribution is summed over it. A sum over an axis hands
// its adjoint to its body unchanged, so that the bound axis becomes a free one
// of the body's adjoint; at the leaves it is renamed to the output's.
//
// A select() guards the branch that it does not take, whose slopes may be NaN:
// what passes through it, or through a max(), stays inside of a select, of
// which the other branch is 0, all the way to the leaves.
#include "gramless/transform/derivative.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/ir/reader.h"

namespace gramless {
namespace {

/// Returns a name that no array has yet.
std::string fresh_name(const MapReduce& map_reduce, const std::string& wanted) {
  const auto is_taken = [&](const std::string& name) {
    const auto has_name = [&](const ArraySpec& array) {
      return array.name == name;
    };
    return std::any_of(map_reduce.arguments.begin(), map_reduce.arguments.end(),
                       has_name);
  };
  std::string name = wanted;
  for (int k = 2; is_taken(name); ++k) name = concat(wanted, "_", k);
  return name;
}

/// Whether a select() stands where `guarded_product` finds it.
bool is_guarded(Expr expr) {
  if (is_select(expr)) return true;
  const bool is_open = expr->kind == NodeKind::add ||
                       expr->kind == NodeKind::multiply ||
                       expr->kind == NodeKind::sum;
  return is_open &&
         std::any_of(expr->operands.begin(), expr->operands.end(), is_guarded);
}

/// Returns adjoint*slope, with the slope inside of the selects that guard the
/// adjoint.
Expr guarded_product(Expr adjoint, Expr slope) {
  ExprPool& pool = *adjoint->pool;
  if (!is_guarded(adjoint) || slope->is_constant()) return adjoint * slope;
  const auto is_zero = [](Expr branch) {
    return branch->is_constant() && branch->value == 0;
  };
  std::vector<Expr> operands = adjoint->operands;
  if (is_select(adjoint)) {
    for (const std::size_t branch : {1, 2}) {
      if (is_zero(operands[branch])) continue;
      operands[branch] = guarded_product(operands[branch], slope);
    }
    return pool.apply(Function::select, operands);
  }
  if (adjoint->kind == NodeKind::add) {
    for (Expr& term : operands) term = guarded_product(term, slope);
    return pool.add(operands);
  }
  if (adjoint->kind == NodeKind::multiply) {
    const auto guarded =
        std::find_if(operands.begin(), operands.end(), is_guarded);
    *guarded = guarded_product(*guarded, slope);
    return pool.multiply(operands);
  }
  Axis bound = adjoint->axis;  // Of a sum.
  while (slope->depends_on(bound) || adjoint->depends_on(bound)) ++bound.primes;
  const Expr body = pool.rename(operands[0], {{adjoint->axis, bound}});
  return pool.sum(bound, guarded_product(body, slope));
}

class ReverseMode {
 public:
  explicit ReverseMode(ExprPool& pool) : pool_(pool) {}

  /// Adds to the adjoint of `node`. `axes` are the feature axes of what the
  /// contribution comes from; those that the node lacks are summed over.
  void contribute(Expr node, Expr term, const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
      if (!is_pair_axis(axis) && !node->depends_on(axis)) {
        term = pool_.sum(axis, term);
      }
    }
    nodes_.emplace(node->id, node);
    contributions_[node->id].push_back(term);
  }

  /// Visits all nodes, the youngest first: each after all that use it.
  void run() {
    while (!nodes_.empty()) {
      const auto youngest = std::prev(nodes_.end());
      const Expr node = youngest->second;
      nodes_.erase(youngest);
      const Expr adjoint = pool_.add(contributions_[node->id]);
      if (node->kind == NodeKind::load) {
        loads_[node->argument].emplace_back(node, adjoint);
      } else {
        propagate(node, adjoint);
      }
    }
  }

  /// Returns the derivative by an argument, at the argument's own axes.
  Expr gradient(const ArraySpec& argument) {
    std::vector<Expr> terms;
    for (const auto& [node, adjoint] : loads_[argument.name]) {
      terms.push_back(placed(*node, adjoint, argument));
    }
    return pool_.add(terms);
  }

 private:
  void propagate(Expr node, Expr adjoint) {
    if (node->kind == NodeKind::sum) {
      contribute(node->operands[0], adjoint, {});
      return;
    }
    for (std::size_t k = 0; k < node->operands.size(); ++k) {
      const bool is_flat = node->kind == NodeKind::function &&
                           row_of(node->function).derivatives.at(k) == "0";
      if (is_flat || node->operands[k]->is_constant()) continue;
      contribute(node->operands[k], passed_on(node, k, adjoint),
                 node->free_axes);
    }
  }

  /// Returns the product of the adjoint with the derivative by an operand.
  Expr passed_on(Expr node, std::size_t k, Expr adjoint) {
    const bool is_maximum =
        node->kind == NodeKind::function && node->function == Function::maximum;
    if (!is_select(node) && !is_maximum) {
      return guarded_product(adjoint, partial_derivative(node, k));
    }
    const std::vector<Expr>& operands = node->operands;
    std::vector<Expr> branches = {pool_.constant(0), pool_.constant(0)};
    branches.at(is_maximum ? k : k - 1) = adjoint;
    const Expr mark = is_maximum ? operands[0] - operands[1] : operands[0];
    return pool_.apply(Function::select, {mark, branches[0], branches[1]});
  }

  /// Returns the adjoint of a load where the argument's own axes stand at what
  /// it loads, 0 elsewhere.
  Expr placed(const Node& load, Expr adjoint, const ArraySpec& argument) {
    const std::size_t first = argument.pair == PairIndex::none ? 0 : 1;
    std::map<Axis, Index> names;
    for (std::size_t k = 0; k < argument.features.size(); ++k) {
      const Axis* axis = std::get_if<Axis>(&load.indices[first + k]);
      if (axis == nullptr) continue;
      if (!names.emplace(*axis, argument.features[k]).second) {
        throw InternalError(concat("vjp(): '", argument.name,
                                   "' is indexed twice by one axis."));
      }
    }
    Expr result = pool_.rename(adjoint, names);
    for (std::size_t k = 0; k < argument.features.size(); ++k) {
      const int64_t* index = std::get_if<int64_t>(&load.indices[first + k]);
      if (index == nullptr) continue;
      const Expr is_there = pool_.at(argument.features[k], *index);
      result =
          pool_.apply(Function::select, {is_there, result, pool_.constant(0)});
    }
    return result;
  }

  ExprPool& pool_;
  std::map<int, Expr> nodes_;
  std::map<int, std::vector<Expr>> contributions_;
  std::map<std::string, std::vector<std::pair<Expr, Expr>>> loads_;
};

/// Rebuilds expressions of another pool in `pool`.
struct Importer {
  ExprPool& pool;
  std::unordered_map<int, Expr> done;

  Expr operator()(Expr expr) { return rebuild(pool, expr, done); }
};

/// Declares the cotangent of a result; returns its element.
Expr add_cotangent(MapReduce& map_reduce, const ArraySpec& result) {
  ArraySpec cotangent = result;
  cotangent.name = fresh_name(map_reduce, "cot_" + result.name);
  map_reduce.arguments.push_back(cotangent);
  return load(*map_reduce.pool, cotangent);
}

/// Returns the derivative of a result by the value of a pair.
Expr derivative_of_result(ExprPool& pool, const ReductionResult& result,
                          const Names& state) {
  if (result.derivative.empty()) {
    throw InternalError(
        concat("vjp(): '", result.name, "' has no derivative."));
  }
  return read_expr(pool, result.derivative, state);
}

/// Returns the value of a pair as it is reduced: on the scale of its row.
Expr scaled(Expr value, const Output& output, const Names& state) {
  if (!row_of(output.reduction).has_scale) return value;
  ExprPool& pool = *value->pool;
  const Expr shift = state.values.find(kShift)->second;
  return value * pool.apply(Function::exp2, pool.constant(-2) * shift);
}

/// Propagates what was contributed; adds the gradients to `result`.
MapReduce gradients_of(MapReduce result, const MapReduce& map_reduce,
                       const std::vector<std::size_t>& wrt,
                       ReverseMode& reverse) {
  reverse.run();
  for (const std::size_t k : wrt) {
    ArraySpec gradient = map_reduce.arguments.at(k);
    const Expr value = reverse.gradient(gradient);
    gradient.name = concat(kGradient, gradient.name);
    result.outputs.push_back({gradient, value});
  }
  return copy_of(result);
}

}  // namespace

Expr partial_derivative(Expr operation, std::size_t k) {
  ExprPool& pool = *operation->pool;
  const std::vector<Expr>& operands = operation->operands;
  switch (operation->kind) {
    case NodeKind::add:
      return pool.constant(1);
    case NodeKind::multiply: {
      std::vector<Expr> others = operands;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
      return pool.multiply(others);
    }
    case NodeKind::power:
    case NodeKind::power0: {
      const double exponent = operation->value;
      const bool is_root = operation->kind == NodeKind::power0 ||
                           exponent != std::trunc(exponent);
      if (exponent == 1) return pool.constant(1);
      if (exponent == 2) return pool.constant(2) * pool.whole(operands[0]);
      const Expr power = is_root ? pool.power0(operands[0], exponent - 1)
                                 : pool.power(operands[0], exponent - 1);
      return pool.constant(exponent) * power;
    }
    case NodeKind::function: {
      Names names;
      names.values = operand_names(operands);
      return read_expr(pool, row_of(operation->function).derivatives.at(k),
                       names);
    }
    case NodeKind::sum:
    case NodeKind::load:
    case NodeKind::at:
    case NodeKind::constant:
      break;
  }
  throw InternalError("partial_derivative(): not an operation on values.");
}

Expr gradient(Expr value, Expr cotangent, const std::vector<Axis>& axes,
              const ArraySpec& argument) {
  ReverseMode reverse(*value->pool);
  reverse.contribute(value, cotangent, axes);
  reverse.run();
  return reverse.gradient(argument);
}

std::vector<ArraySpec> state_arguments(const MapReduce& map_reduce) {
  std::vector<ArraySpec> arguments;
  bool has_position = false;
  for (const Output& output : map_reduce.outputs) {
    const ReductionRow& row = row_of(output.reduction);
    const std::vector<ArraySpec> arrays = results_of(output);
    for (std::size_t k = arrays.size(); k-- > 0;) {
      if (!row.results[k].name.empty()) arguments.push_back(arrays[k]);
    }
    const PairIndex reduced =
        output.array.pair == PairIndex::i ? PairIndex::j : PairIndex::i;
    if (!row.has_index || has_position) continue;
    arguments.push_back({"position", reduced, {}});
    has_position = true;
  }
  return arguments;
}

MapReduce vjp(const MapReduce& map_reduce, const std::vector<std::size_t>& wrt,
              const std::vector<std::size_t>& cotangents) {
  MapReduce result{std::make_shared<ExprPool>(), map_reduce.arguments, {}};
  ExprPool& pool = *result.pool;
  Names state;
  for (const ArraySpec& array : state_arguments(map_reduce)) {
    result.arguments.push_back(array);
    state.values[array.name] = load(pool, array);
  }
  ReverseMode reverse(pool);
  Importer importer{pool, {}};
  std::size_t first = 0;
  for (const Output& output : map_reduce.outputs) {
    const std::vector<ArraySpec> arrays = results_of(output);
    std::vector<Expr> seeds;
    for (const std::size_t k : cotangents) {
      if (k < first || k >= first + arrays.size()) continue;
      state.values["cot"] = add_cotangent(result, arrays[k - first]);
      seeds.push_back(derivative_of_result(
          pool, row_of(output.reduction).results[k - first], state));
    }
    first += arrays.size();
    if (seeds.empty()) continue;
    reverse.contribute(scaled(importer(output.value), output, state),
                       pool.add(seeds), output.array.features);
  }
  return gradients_of(std::move(result), map_reduce, wrt, reverse);
}

}  // namespace gramless
