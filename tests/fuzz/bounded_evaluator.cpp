// SPDX-License-Identifier: MIT
// Evaluates by recursion over the graph.
#include "fuzz/bounded_evaluator.h"

#include <algorithm>
#include <cmath>

namespace gramless::testing {

Bounded BoundedEvaluator::element(const Output& output, int64_t row,
                                  int64_t column) {
  at_.clear();
  const std::vector<Axis>& axes = output.array.features;
  for (std::size_t k = axes.size(); k-- > 0;) {
    at_[axes[k]] = column % axes[k].extent;
    column /= axes[k].extent;
  }
  const PairIndex kept = output.array.pair;
  const auto begin = [&](PairIndex pair) { return kept == pair ? row : 0; };
  const auto end = [&](PairIndex pair, int64_t count) {
    return kept == pair ? row + 1 : count;
  };
  BoundedValues terms;
  for (int64_t i = begin(PairIndex::i); i < end(PairIndex::i, sizes_.M); ++i) {
    for (int64_t j = begin(PairIndex::j); j < end(PairIndex::j, sizes_.N);
         ++j) {
      at_[kAxisI] = i;
      at_[kAxisJ] = j;
      done_.clear();
      terms.push_back(value(output.value));
      if (!terms.back().is_known()) return kUnknown;
    }
  }
  return total_of(terms);
}

/// Returns the sum of terms that are added in blocks.
Bounded BoundedEvaluator::total_of(const BoundedValues& terms) const {
  constexpr double kBlock = 80;
  const Bounded sum = sum_of(format_, terms);
  if (!sum.is_known() || std::isinf(sum.value)) return sum;
  double size = 0;
  double error = 0;
  for (const Bounded& term : terms) {
    size += std::abs(term.value);
    error += term.error;
  }
  if (size == 0 && error == 0) return sum;
  return finish(format_, sum.value,
                error + kBlock * format_.unit * size + format_.smallest);
}

Bounded BoundedEvaluator::value(Expr expr) {
  if (++steps_ > kMostSteps) return kUnknown;
  const auto key = std::pair(expr->id, positions_key(*expr));
  if (const auto found = done_.find(key); found != done_.end()) {
    return found->second;
  }
  const Bounded result = compute(*expr);
  done_.emplace(key, result);
  return result;
}

/// Returns a number for the positions on the node's feature axes.
uint64_t BoundedEvaluator::positions_key(const Node& node) const {
  uint64_t key = 0;
  for (const Axis& axis : node.free_axes) {
    if (is_pair_axis(axis)) continue;
    key = key * 100'003 + static_cast<uint64_t>(at_.at(axis));
  }
  return key;
}

Bounded BoundedEvaluator::load(const Node& node) {
  const auto spec = std::find_if(
      map_reduce_.arguments.begin(), map_reduce_.arguments.end(),
      [&](const ArraySpec& array) { return array.name == node.argument; });
  std::vector<int64_t> positions;
  for (const Index& index : node.indices) {
    const Axis* axis = std::get_if<Axis>(&index);
    positions.push_back(axis != nullptr ? at_.at(*axis)
                                        : std::get<int64_t>(index));
  }
  const std::size_t behind = spec->pair == PairIndex::none ? 0 : 1;
  int64_t offset = behind == 1 ? positions[0] : 0;
  for (std::size_t k = 0; k < spec->features.size(); ++k) {
    offset = offset * spec->features[k].extent + positions[behind + k];
  }
  return stored(format_,
                arrays_.at(node.argument).at(static_cast<std::size_t>(offset)));
}

Bounded BoundedEvaluator::compute(const Node& node) {
  if (node.kind == NodeKind::constant) return stored(format_, node.value);
  if (node.kind == NodeKind::load) return load(node);
  if (node.kind == NodeKind::at) {
    return {static_cast<double>(at_.at(node.axis)) == node.value ? 0.0 : -1.0,
            0};
  }
  BoundedValues operands;
  if (node.kind == NodeKind::sum) {
    const std::map<Axis, int64_t> outside = at_;
    for (int64_t k = 0; k < node.axis.extent; ++k) {
      at_[node.axis] = k;
      operands.push_back(value(node.operands[0]));
    }
    at_ = outside;
    return sum_of(format_, operands);
  }
  for (const Expr operand : node.operands) operands.push_back(value(operand));
  switch (node.kind) {
    case NodeKind::add:
      return sum_of(format_, operands);
    case NodeKind::multiply:
      return product_of(format_, operands);
    case NodeKind::power0:
      return power0_of(format_, operands[0], node.value);
    case NodeKind::power:
      return power_of(format_, operands[0], node.value);
    default:
      return function_of(format_, node.function, operands);
  }
}

}  // namespace gramless::testing
