// SPDX-License-Identifier: MIT
// Implements the map-reduce's small functions and its verifier.
#include "gramless/ir/map_reduce.h"

#include <algorithm>
#include <map>
#include <span>

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless {
namespace {

[[noreturn]] void fail(const std::string& problem) {
  throw InternalError("verify(): " + problem + ".");
}

void require(bool holds, const std::string& problem) {
  if (!holds) fail(problem);
}

std::vector<Index> indices_of(const ArraySpec& array) {
  std::vector<Index> indices;
  if (array.pair == PairIndex::i) indices.emplace_back(kAxisI);
  if (array.pair == PairIndex::j) indices.emplace_back(kAxisJ);
  indices.insert(indices.end(), array.features.begin(), array.features.end());
  return indices;
}

void verify_index(const Node& load, const Index& index, const Index& declared) {
  const Axis& axis = std::get<Axis>(declared);
  if (const Axis* used = std::get_if<Axis>(&index)) {
    require(is_pair_axis(*used) == is_pair_axis(axis) &&
                (!is_pair_axis(axis) || *used == axis),
            concat("'", load.argument, "' is indexed by ", used->text(),
                   ", declared with ", axis.text()));
    require(used->extent == axis.extent,
            concat("'", load.argument, "' has extent ", axis.extent,
                   ", indexed by an axis of extent ", used->extent));
    return;
  }
  const int64_t position = std::get<int64_t>(index);
  require(!is_pair_axis(axis) && position >= 0 && position < axis.extent,
          concat("'", load.argument, "' is indexed at ", position,
                 ", out of range"));
}

/// Checks that all axes of one name have one extent.
void verify_extents(const MapReduce& map_reduce, std::span<const Expr> nodes) {
  std::map<std::string, int64_t> extents;
  const auto check = [&](const Axis& axis) {
    const int64_t extent =
        extents.emplace(axis.name, axis.extent).first->second;
    require(extent == axis.extent,
            concat("axis '", axis.name, "' has the extents ", extent, " and ",
                   axis.extent));
  };
  for (const ArraySpec& array : map_reduce.arguments) {
    for (const Axis& axis : array.features) check(axis);
  }
  for (const Output& output : map_reduce.outputs) {
    for (const Axis& axis : output.array.features) check(axis);
  }
  // What a sum binds is free in its operand.
  for (const Expr& node : nodes) {
    for (const Axis& axis : node->free_axes) check(axis);
  }
}

/// Checks that an output has what its reduction takes, and leaves no axis free.
void verify_output(const Output& output) {
  const std::string name = concat("output '", output.array.name, "'");
  const bool is_sum = output.reduction == Reduction::sum;
  require(static_cast<bool>(output.value), concat(name, " has no value"));
  require(is_sum || output.array.pair != PairIndex::none,
          concat(name, " is no sum, over both pair axes"));
  for (const Expr& root : {output.value, output.bound}) {
    if (!root) continue;
    for (const Axis& axis : root->free_axes) {
      const std::vector<Axis>& features = output.array.features;
      require(is_pair_axis(axis) ||
                  std::count(features.begin(), features.end(), axis) == 1,
              concat(name, " leaves axis ", axis.text(), " free"));
    }
  }
  const bool has_bound = static_cast<bool>(output.bound);
  require(row_of(output.reduction).has_scale || !has_bound,
          concat(name, " has a bound, but no scale"));
}

void verify_load(const MapReduce& map_reduce, const Node& load) {
  const auto is_named = [&](const ArraySpec& array) {
    return array.name == load.argument;
  };
  const auto found = std::find_if(map_reduce.arguments.begin(),
                                  map_reduce.arguments.end(), is_named);
  const bool is_scale =
      load.argument == kScale &&
      std::any_of(map_reduce.outputs.begin(), map_reduce.outputs.end(),
                  [](const Output& output) { return bool(output.bound); });
  if (is_scale) return;
  require(found != map_reduce.arguments.end(),
          concat("no argument is called '", load.argument, "'"));
  const std::vector<Index> declared = indices_of(*found);
  require(declared.size() == load.indices.size(),
          concat("'", load.argument, "' has ", declared.size(),
                 " axes, indexed with ", load.indices.size()));
  for (std::size_t axis = 0; axis < declared.size(); ++axis) {
    verify_index(load, load.indices[axis], declared[axis]);
  }
}

}  // namespace

std::string_view pair_index_name(PairIndex index) {
  switch (index) {
    case PairIndex::none:
      return "";
    case PairIndex::i:
      return "i";
    case PairIndex::j:
      return "j";
  }
  throw InternalError("pair_index_name(): unknown index.");
}

int64_t ArraySpec::width() const {
  int64_t width = 1;
  for (const Axis& axis : features) width *= axis.extent;
  return width;
}

DType find_dtype(std::span<const ArraySpec> argument_specs,
                 std::span<const ArrayView> arguments) {
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (!argument_specs[k].is_wide) return arguments[k].dtype;
  }
  return DType::float64;
}

std::vector<ArraySpec> results_of(const Output& output) {
  std::vector<ArraySpec> arrays;
  for (const ReductionResult& result : row_of(output.reduction).results) {
    ArraySpec& array = arrays.emplace_back(output.array);
    if (result.name.empty()) continue;
    array.name = result.name;
    array.is_wide = result.is_wide;
  }
  return arrays;
}

std::vector<ArraySpec> results_of(const MapReduce& map_reduce) {
  std::vector<ArraySpec> arrays;
  for (const Output& output : map_reduce.outputs) {
    const std::vector<ArraySpec> more = results_of(output);
    arrays.insert(arrays.end(), more.begin(), more.end());
  }
  return arrays;
}

std::vector<Expr> roots_of(const MapReduce& map_reduce) {
  std::vector<Expr> roots;
  for (const Output& output : map_reduce.outputs) {
    roots.push_back(output.value);
    if (output.bound) roots.push_back(output.bound);
  }
  return roots;
}

MapReduce rebuild(const MapReduce& map_reduce, Expr (*visit)(ExprPool&, Expr)) {
  MapReduce result{std::make_shared<ExprPool>(), map_reduce.arguments, {}};
  std::unordered_map<int, Expr> done;
  const auto rebuilt = [&](Expr expr) {
    return expr ? rebuild(*result.pool, expr, done, visit) : expr;
  };
  for (const Output& output : map_reduce.outputs) {
    result.outputs.push_back({output.array, rebuilt(output.value),
                              output.reduction, rebuilt(output.bound)});
  }
  return result;
}

Expr load_scale(ExprPool& pool, const ArraySpec& array) {
  std::vector<Index> indices = {kAxisI, kAxisJ};
  indices.insert(indices.end(), array.features.begin(), array.features.end());
  return pool.load(std::string(kScale), std::move(indices));
}

Expr load(ExprPool& pool, const ArraySpec& array) {
  return pool.load(array.name, indices_of(array));
}

void verify(const MapReduce& map_reduce) {
  int64_t scales = 0;
  for (const Output& output : map_reduce.outputs) {
    verify_output(output);
    if (output.bound) ++scales;
  }
  require(scales <= 1, "two outputs have a scale");
  const std::vector<Expr> nodes = nodes_below(roots_of(map_reduce));
  verify_extents(map_reduce, nodes);
  for (const Expr& node : nodes) {
    require(node->pool == map_reduce.pool.get(),
            "an expression belongs to another pool");
    if (node->kind == NodeKind::load) verify_load(map_reduce, *node);
    for (const Expr& operand : node->operands) {
      require(operand->id < node->id, "an operand is younger than its use");
    }
  }
}

}  // namespace gramless
