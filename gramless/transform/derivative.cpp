// SPDX-License-Identifier: MIT
// Implements reverse mode.
//
// The adjoint of a node is the derivative of the summed outputs by the node's
// value, for one pair (i, j) and one position on each of the node's feature
// axes. It depends on no other feature axis: where a parent has an axis that
// the node lacks, the contribution is summed over it. A sum over an axis hands
// its adjoint to its body unchanged, so that the bound axis becomes a free one
// of the body's adjoint; at the leaves it is renamed to the output's.
#include "gramless/transform/derivative.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "gramless/base/error.h"
#include "gramless/base/text.h"
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
      contribute(node->operands[k], adjoint * partial_derivative(node, k),
                 node->free_axes);
    }
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
      const int64_t* place = std::get_if<int64_t>(&load.indices[first + k]);
      if (place == nullptr) continue;
      const Expr is_there = pool_.at(argument.features[k], *place);
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

MapReduce vjp(const MapReduce& map_reduce, const std::vector<std::size_t>& wrt,
              const std::vector<std::size_t>& cotangents) {
  MapReduce result{std::make_shared<ExprPool>(), map_reduce.arguments, {}};
  ExprPool& pool = *result.pool;
  ReverseMode reverse(pool);
  std::unordered_map<int, Expr> imported;
  for (const std::size_t k : cotangents) {
    const Output& output = map_reduce.outputs.at(k);
    if (output.reduction != Reduction::sum) continue;  // Its derivative is 0.
    ArraySpec cotangent = output.array;
    cotangent.name = fresh_name(result, "cot_" + output.array.name);
    result.arguments.push_back(cotangent);
    reverse.contribute(rebuild(pool, output.value, imported),
                       load(pool, cotangent), output.array.features);
  }
  reverse.run();
  for (const std::size_t k : wrt) {
    ArraySpec gradient = map_reduce.arguments.at(k);
    const Expr value = reverse.gradient(gradient);
    gradient.name = "grad_" + gradient.name;
    result.outputs.push_back({gradient, value});
  }
  return result;
}

}  // namespace gramless
