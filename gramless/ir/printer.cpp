// SPDX-License-Identifier: MIT
// Implements the printer.
#include "gramless/ir/printer.h"

#include <cmath>

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless {
namespace {

using Names = std::map<int, std::string>;

// How tightly an operator binds, loosest first.
enum class Level : uint8_t { sum, product, sign, power, atom };

std::string print(Expr expr, const Names& names, Level around);

std::string in_level(const std::string& text, Level level, Level around) {
  return level < around ? concat("(", text, ")") : text;
}

std::string print_number(double value, Level around) {
  if (std::isnan(value)) return "nan";
  const std::string text =
      std::isinf(value) ? "inf" : number_text(std::abs(value));
  return std::signbit(value) ? in_level("-" + text, Level::sign, around) : text;
}

std::string print_indices(const Node& load) {
  std::vector<std::string> parts;
  for (const Index& index : load.indices) {
    const Axis* axis = std::get_if<Axis>(&index);
    parts.push_back(axis != nullptr ? axis->text()
                                    : std::to_string(std::get<int64_t>(index)));
  }
  return concat(load.argument, "[", join(parts, ","), "]");
}

/// Prints a product without its number, or all of it.
std::string print_factors(const Node& node, std::size_t first,
                          const Names& names) {
  std::string above;
  std::string below;
  for (std::size_t k = first; k < node.operands.size(); ++k) {
    const Node& factor = *node.operands[k];
    const bool inverse = factor.kind == NodeKind::power && factor.value == -1 &&
                         !names.contains(factor.id);
    if (inverse) {
      below += "/" + print(factor.operands[0], names, Level::power);
    } else {
      above += (above.empty() ? "" : "*") +
               print(node.operands[k], names, Level::power);
    }
  }
  return (above.empty() ? "1" : above) + below;
}

std::string print_product(const Node& node, const Names& names, Level around) {
  const Node& first = *node.operands[0];
  if (!first.is_constant()) {
    return in_level(print_factors(node, 0, names), Level::product, around);
  }
  const std::string rest = print_factors(node, 1, names);
  if (first.value == -1) return in_level("-" + rest, Level::sign, around);
  return in_level(concat(print_number(first.value, Level::product), "*", rest),
                  Level::product, around);
}

std::string print_sum(const Node& node, const Names& names, Level around) {
  std::string text;
  for (const Expr& term : node.operands) {
    std::string part = print(term, names, Level::sum);
    if (text.empty()) {
      text = part;
    } else if (part.starts_with('-')) {
      text += " - " + part.substr(1);
    } else {
      text += " + " + part;
    }
  }
  return in_level(text, Level::sum, around);
}

std::string print_power(const Node& node, const Names& names, Level around) {
  const auto call = [&](std::string_view function) {
    return concat(function, "(", print(node.operands[0], names, Level::sum),
                  ")");
  };
  if (node.kind == NodeKind::power0) {
    if (node.value == -0.5) return call("rsqrt0");
    return concat("power0(", print(node.operands[0], names, Level::sum), ", ",
                  print_number(node.value, Level::sum), ")");
  }
  if (node.value == 0.5) return call("sqrt");
  if (node.value == -0.5) return call("rsqrt");
  return in_level(concat(print(node.operands[0], names, Level::atom), "**",
                         print_number(node.value, Level::sum)),
                  Level::power, around);
}

std::string print_call(const Node& node, const Names& names) {
  std::vector<std::string> operands;
  for (const Expr& operand : node.operands) {
    operands.push_back(print(operand, names, Level::sum));
  }
  return concat(row_of(node.function).name, "(", join(operands, ", "), ")");
}

std::string print(Expr expr, const Names& names, Level around) {
  const Node& node = *expr;
  if (const auto name = names.find(node.id); name != names.end()) {
    return name->second;
  }
  switch (node.kind) {
    case NodeKind::constant:
      return print_number(node.value, around);
    case NodeKind::load:
      return print_indices(node);
    case NodeKind::at:
      return concat("at(", node.axis.text(), ", ", number_text(node.value),
                    ")");
    case NodeKind::add:
      return print_sum(node, names, around);
    case NodeKind::multiply:
      return print_product(node, names, around);
    case NodeKind::power:
    case NodeKind::power0:
      return print_power(node, names, around);
    case NodeKind::function:
      return print_call(node, names);
    case NodeKind::sum:
      return concat("sum(", node.axis.text(), ", ",
                    print(node.operands[0], names, Level::sum), ")");
  }
  throw InternalError("print(): unknown kind of node.");
}

/// Returns the nodes worth a name: those used more than once, leaves apart.
std::vector<Expr> shared_nodes(const MapReduce& map_reduce) {
  const std::vector<Expr> roots = roots_of(map_reduce);
  std::map<int, int> uses;
  for (const Expr& root : roots) ++uses[root->id];
  const std::vector<Expr> nodes = nodes_below(roots);
  for (const Expr& node : nodes) {
    for (const Expr& operand : node->operands) ++uses[operand->id];
  }
  std::vector<Expr> shared;
  for (const Expr& node : nodes) {
    if (uses[node->id] > 1 && !node->operands.empty()) shared.push_back(node);
  }
  return shared;
}

/// Returns a line with the extents of axes that no array declares.
std::string axes_text(const MapReduce& map_reduce) {
  std::map<std::string, int64_t> extents;
  const auto add = [&](const Axis& axis) {
    if (!is_pair_axis(axis)) extents.emplace(axis.name, axis.extent);
  };
  for (const Expr& node : nodes_below(roots_of(map_reduce))) {
    for (const Axis& axis : node->free_axes) add(axis);
  }
  const auto remove = [&](const ArraySpec& array) {
    for (const Axis& axis : array.features) extents.erase(axis.name);
  };
  for (const ArraySpec& array : map_reduce.arguments) remove(array);
  for (const Output& output : map_reduce.outputs) remove(output.array);
  std::string text;
  for (const auto& [name, extent] : extents) {
    text += concat(text.empty() ? "axes " : " ", name, ":", extent);
  }
  return text.empty() ? text : text + "\n";
}

}  // namespace

std::string to_text(Expr expr) { return print(expr, {}, Level::sum); }

std::string to_text(Expr expr, const std::map<int, std::string>& names) {
  return print(expr, names, Level::sum);
}

std::string to_text(const ArraySpec& array) {
  std::vector<std::string> parts;
  if (array.pair != PairIndex::none) {
    parts.emplace_back(pair_index_name(array.pair));
  }
  for (const Axis& axis : array.features) {
    parts.push_back(concat(axis.text(), ":", axis.extent));
  }
  return concat(array.name, "[", join(parts, ","), "]",
                array.is_wide ? ":float64" : "");
}

std::string reduction_name(const ArraySpec& array, Reduction reduction) {
  const std::string_view name = row_of(reduction).name;
  switch (array.pair) {
    case PairIndex::none:
      return concat(name, "_ij");
    case PairIndex::i:
      return concat(name, "_j");
    case PairIndex::j:
      return concat(name, "_i");
  }
  throw InternalError("reduction_name(): unknown index.");
}

std::string to_text(const MapReduce& map_reduce) {
  std::vector<std::string> arguments;
  for (const ArraySpec& array : map_reduce.arguments) {
    arguments.push_back(to_text(array));
  }
  std::string text =
      concat("arguments ", join(arguments, " "), "\n") + axes_text(map_reduce);
  Names names;
  for (const Expr& node : shared_nodes(map_reduce)) {
    const std::string name = concat("t", names.size());
    text += concat(name, " = ", print(node, names, Level::sum), "\n");
    names.emplace(node->id, name);
  }
  for (const Output& output : map_reduce.outputs) {
    text += concat(to_text(output.array), " = ",
                   reduction_name(output.array, output.reduction), "(",
                   print(output.value, names, Level::sum));
    if (output.bound) {
      text += concat(" | ", print(output.bound, names, Level::sum));
    }
    text += ")\n";
  }
  return text;
}

}  // namespace gramless
