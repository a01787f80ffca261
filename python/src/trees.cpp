// SPDX-License-Identifier: MIT
// Makes tuples of trees.
#include "trees.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include "gramless/name/kernel_tree.h"

namespace gramless {
namespace {

namespace nb = nanobind;

std::string_view node_name(KernelNode kind) {
  switch (kind) {
    case KernelNode::number:
      return "number";
    case KernelNode::atom:
      return "atom";
    case KernelNode::own:
      return "own";
    case KernelNode::negate:
      return "negate";
    case KernelNode::add:
      return "add";
    case KernelNode::subtract:
      return "subtract";
    case KernelNode::multiply:
      return "multiply";
    case KernelNode::divide:
      return "divide";
    case KernelNode::power:
      return "power";
  }
  throw InternalError("node_name(): unknown kind of node.");
}

nb::tuple tuple_of(const KernelTree& tree, const ParsedKernel& kernel) {
  const std::string_view name = node_name(tree.kind);
  if (tree.kind == KernelNode::number) return nb::make_tuple(name, tree.number);
  if (tree.kind == KernelNode::own && kernel.own_atoms.empty()) {
    return nb::make_tuple("formula");
  }
  if (tree.kind == KernelNode::atom || tree.kind == KernelNode::own) {
    const AtomUse& use = kernel.atoms[tree.gamma_slot];
    return nb::make_tuple(name, use.row->name, tree.gamma_slot, use.pair);
  }
  nb::list parts;
  parts.append(name);
  for (const KernelTree& operand : tree.operands) {
    parts.append(tuple_of(operand, kernel));
  }
  if (tree.kind == KernelNode::power) parts.append(tree.number);
  return nb::tuple(parts);
}

std::string_view syntax_name(SyntaxKind kind) {
  switch (kind) {
    case SyntaxKind::number:
      return "number";
    case SyntaxKind::name:
      return "name";
    case SyntaxKind::call:
      return "call";
    case SyntaxKind::element:
      return "element";
    case SyntaxKind::negate:
      return "negate";
    case SyntaxKind::add:
      return "add";
    case SyntaxKind::subtract:
      return "subtract";
    case SyntaxKind::multiply:
      return "multiply";
    case SyntaxKind::divide:
      return "divide";
    case SyntaxKind::power:
      return "power";
    case SyntaxKind::dot:
      return "dot";
  }
  throw InternalError("syntax_name(): unknown kind of syntax.");
}

nb::tuple tuple_of(const Syntax& tree) {
  nb::list parts;
  parts.append(syntax_name(tree.kind));
  if (tree.kind == SyntaxKind::number) parts.append(tree.number);
  const bool has_name =
      tree.kind == SyntaxKind::name || tree.kind == SyntaxKind::call;
  if (has_name) parts.append(tree.name);
  for (const Syntax& operand : tree.operands) parts.append(tuple_of(operand));
  if (tree.kind == SyntaxKind::power) parts.append(tree.number);
  return nb::tuple(parts);
}

}  // namespace

nb::tuple tree_of(const Kernel& kernel) {
  return tuple_of(kernel.parsed().tree, kernel.parsed());
}

nb::tuple formula_tree(const std::string& text, const std::string& function,
                       bool is_atom) {
  FormulaVariables variables;
  if (is_atom) {
    variables = {{"{X}", {'x', 0}}, {"{Y}", {'y', 0}}, {"{G}", {'g', 0}}};
  }
  return tuple_of(parse_formula(text, function, is_atom, variables)->tree);
}

}  // namespace gramless
