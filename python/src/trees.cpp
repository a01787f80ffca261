// SPDX-License-Identifier: MIT
// Makes tuples of trees.
#include "trees.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <functional>

#include "gramless/formula/parsed_kernel.h"

namespace gramless {
namespace {

namespace nb = nanobind;

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

/// What a call in a tree is.
using Call = std::function<nb::tuple(const Syntax& call)>;

/// Returns a tree as it was parsed. What is called is a name and its operands,
/// or what `call` says.
nb::tuple tuple_of(const Syntax& tree, const Call& call = {}) {
  if (tree.kind == SyntaxKind::call && call) return call(tree);
  nb::list parts;
  parts.append(syntax_name(tree.kind));
  if (tree.kind == SyntaxKind::number) parts.append(tree.number);
  const bool has_name =
      tree.kind == SyntaxKind::name || tree.kind == SyntaxKind::call;
  if (has_name) parts.append(tree.name);
  for (const Syntax& operand : tree.operands) {
    parts.append(tuple_of(operand, call));
  }
  if (tree.kind == SyntaxKind::power) parts.append(tree.number);
  return nb::tuple(parts);
}

}  // namespace

nb::tuple tree_of(const Kernel& kernel) {
  const ParsedKernel& parsed = kernel.parsed();
  if (parsed.formula) return nb::make_tuple("formula");
  return tuple_of(parsed.tree, [&](const Syntax& call) {
    const AtomUse& use = parsed.use_of(call);
    return nb::make_tuple(use.atom->is_own ? "own" : "atom", use.atom->name,
                          use.slot, use.pair);
  });
}

nb::tuple formula_tree(const std::string& text, const std::string& function,
                       bool is_atom) {
  FormulaVariables variables;
  if (is_atom) variables = atom_variables(0, 0);
  const FormulaOwner owner =
      is_atom ? FormulaOwner::atom : FormulaOwner::kernel;
  return tuple_of(parse_formula(text, function, owner, variables)->tree);
}

}  // namespace gramless
