// SPDX-License-Identifier: MIT
// Makes tuples of trees.
#include "trees.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <algorithm>
#include <array>
#include <utility>

#include "gramless/formula/formula_reader.h"
#include "gramless/formula/parsed_kernel.h"

namespace gramless {
namespace {

namespace nb = nanobind;

nb::tuple tuple_of(const FormulaNode& node);

/// What trees call the operators that are not written as calls.
constexpr std::array<std::pair<std::string_view, const char*>, 7> kInfixNames =
    {{{"Minus", "negate"},
      {"Add", "add"},
      {"Subtract", "subtract"},
      {"Mult", "multiply"},
      {"Divide", "divide"},
      {"Scalprod", "dot"},
      {"Pow", "power"}}};

void append_operation(nb::list& parts, const FormulaNode& node) {
  const auto* const infix = std::find_if(
      kInfixNames.begin(), kInfixNames.end(),
      [&](const auto& each) { return each.first == node.row->name; });
  if (infix == kInfixNames.end()) {
    parts.append("call");
    parts.append(node.row->name);
  } else {
    parts.append(infix->second);
  }
  for (const FormulaPointer& operand : node.operands) {
    const bool is_exponent = node.row->name == "Pow" && nb::len(parts) == 2;
    parts.append(is_exponent ? nb::cast(*literal(*operand))
                             : nb::object(tuple_of(*operand)));
  }
}

/// Returns a formula as it was read.
nb::tuple tuple_of(const FormulaNode& node) {
  nb::list parts;
  switch (node.kind) {
    case FormulaNode::Kind::number:
      return nb::make_tuple("number", node.number);
    case FormulaNode::Kind::variable:
      return nb::make_tuple("name", node.name);
    case FormulaNode::Kind::operation:
      append_operation(parts, node);
      return nb::tuple(parts);
    case FormulaNode::Kind::atom: {
      const AtomUse& use = node.use;
      if (use.atom->name.empty()) return nb::make_tuple("formula");
      return nb::make_tuple(use.atom->is_own ? "own" : "atom", use.atom->name,
                            use.slot, use.pair);
    }
  }
  throw InternalError("tuple_of(): unknown kind of node.");
}

}  // namespace

nb::tuple tree_of(const Kernel& kernel) {
  return tuple_of(*kernel.parsed().formula.root);
}

nb::tuple formula_tree(const std::string& text, const std::string& function,
                       bool is_atom) {
  const FormulaOwner owner =
      is_atom ? FormulaOwner::atom : FormulaOwner::kernel;
  return tuple_of(*read_formula(text, function, owner).root);
}

}  // namespace gramless
