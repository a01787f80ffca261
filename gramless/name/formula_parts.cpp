// SPDX-License-Identifier: MIT
// Splits own formulas into operators on numbers, and the parts below.
#include "gramless/name/formula_parts.h"

#include <algorithm>
#include <array>

#include "gramless/base/error.h"
#include "gramless/base/text.h"

namespace gramless {
namespace {

constexpr AtomRow kArgumentRow{
    kFormulaArgument, Parameter::any, "", "", true, false, ""};

/// Operators of formulas that are operators of kernels.
struct NodeOfCall {
  std::string_view name;
  KernelNode kind;
  double exponent = 0;
};

constexpr std::array kNodes = {
    NodeOfCall{"Add", KernelNode::add},
    NodeOfCall{"Subtract", KernelNode::subtract},
    NodeOfCall{"Mult", KernelNode::multiply},
    NodeOfCall{"Scal", KernelNode::multiply},
    NodeOfCall{"Divide", KernelNode::divide},
    NodeOfCall{"Minus", KernelNode::negate},
    NodeOfCall{"Square", KernelNode::power, 2},
    NodeOfCall{"Inv", KernelNode::power, -1},
};

class PartReader {
 public:
  PartReader(std::shared_ptr<const ParsedFormula> sum,
             const FormulaVariables& variables, ParsedKernel& kernel)
      : sum_(std::move(sum)), variables_(variables), kernel_(kernel) {}

  KernelTree read(const Syntax& syntax) {
    KernelTree tree = read_node(syntax);
    tree.is_nonnegative = is_nonnegative(syntax);
    return tree;
  }

 private:
  KernelTree read_node(const Syntax& syntax) {
    switch (syntax.kind) {
      case SyntaxKind::number:
        return {KernelNode::number, syntax.number, 0, {}};
      case SyntaxKind::negate:
        return read_operator(KernelNode::negate, 0, syntax);
      case SyntaxKind::add:
        return read_operator(KernelNode::add, 0, syntax);
      case SyntaxKind::subtract:
        return read_operator(KernelNode::subtract, 0, syntax);
      case SyntaxKind::multiply:
        return read_operator(KernelNode::multiply, 0, syntax);
      case SyntaxKind::divide:
        return read_operator(KernelNode::divide, 0, syntax);
      case SyntaxKind::power:
        return read_operator(KernelNode::power, syntax.number, syntax);
      case SyntaxKind::call:
        return read_call(syntax);
      case SyntaxKind::name:
      case SyntaxKind::element:
      case SyntaxKind::dot:
        break;
    }
    return part(syntax);
  }

  KernelTree read_operator(KernelNode kind, double exponent,
                           const Syntax& syntax) {
    KernelTree tree{kind, exponent, 0, {}};
    for (const Syntax& operand : syntax.operands) {
      tree.operands.push_back(read(operand));
    }
    return tree;
  }

  KernelTree read_call(const Syntax& syntax) {
    for (const NodeOfCall& node : kNodes) {
      if (node.name == syntax.name) {
        return read_operator(node.kind, node.exponent, syntax);
      }
    }
    KernelTree tree = part(syntax);
    if (syntax.name == "Exp") {
      kernel_.parts.back().log = sum_;
      kernel_.parts.back().logarithm = &syntax.operands[0];
    }
    return tree;
  }

  KernelTree part(const Syntax& syntax) {
    kernel_.parts.push_back({sum_, nullptr, &syntax, nullptr, variables_});
    return {KernelNode::part, 0, kernel_.parts.size() - 1, {}};
  }

  std::shared_ptr<const ParsedFormula> sum_;
  const FormulaVariables& variables_;
  ParsedKernel& kernel_;
};

std::shared_ptr<const ParsedFormula> parse_if_given(
    const std::string& text, const std::string& function, bool is_atom,
    FormulaVariables& variables) {
  if (text.empty()) return nullptr;
  return parse_formula(text, function, is_atom, variables);
}

KernelTree tree_of(const std::shared_ptr<const ParsedFormula>& sum,
                   const std::shared_ptr<const ParsedFormula>& log,
                   const FormulaVariables& variables, ParsedKernel& kernel) {
  KernelTree own{KernelNode::own, 0, 0, {}};
  if (sum == nullptr && log == nullptr) {
    // A routine, which no engine runs.
    own.operands.push_back({KernelNode::number, 1, 0, {}, true});
  } else if (log == nullptr) {
    own.operands.push_back(PartReader(sum, variables, kernel).read(sum->tree));
  } else {
    kernel.parts.push_back({sum, log, sum == nullptr ? nullptr : &sum->tree,
                            &log->tree, variables});
    KernelTree part{KernelNode::part, 0, kernel.parts.size() - 1, {}};
    part.is_nonnegative = true;
    own.operands.push_back(std::move(part));
  }
  own.is_nonnegative = own.operands[0].is_nonnegative;
  return own;
}

}  // namespace

std::shared_ptr<const OwnAtom> make_own_atom(const OwnFormula& formula) {
  const std::string function = concat("Formula '", formula.name, "'");
  FormulaVariables variables = {
      {"{X}", {'x', 0}}, {"{Y}", {'y', 0}}, {"{G}", {'g', 0}}};
  parse_if_given(formula.sum, function, true, variables);
  parse_if_given(formula.log, function, true, variables);
  auto atom = std::make_shared<OwnAtom>();
  atom->formula = formula;
  const bool has_parameter = formula.sum.find("{G}") != std::string::npos ||
                             formula.log.find("{G}") != std::string::npos;
  atom->row.name = atom->formula.name;
  const bool is_routine = formula.sum.empty() && formula.log.empty();
  atom->row.parameter = is_routine      ? Parameter::unknown
                        : has_parameter ? Parameter::any
                                        : Parameter::none;
  return atom;
}

KernelTree read_own_formula(const OwnFormula& formula,
                            const FormulaVariables& variables,
                            ParsedKernel& kernel) {
  const std::string function = concat("Formula '", formula.name, "'");
  FormulaVariables known = variables;
  const auto sum = parse_if_given(formula.sum, function, true, known);
  const auto log = parse_if_given(formula.log, function, true, known);
  return tree_of(sum, log, known, kernel);
}

ParsedKernel parse_kernel(const OwnFormula& formula) {
  ParsedKernel kernel;
  FormulaVariables variables;
  const auto sum = parse_if_given(formula.sum, "Kernel()", false, variables);
  const auto log = parse_if_given(formula.log, "Kernel()", false, variables);
  if (sum == nullptr && log == nullptr) {
    throw ArgumentError("Kernel(): expected a name or a formula, got neither.");
  }
  std::size_t slots = 0;
  for (const auto& [name, variable] : variables) {
    std::size_t& count = variable.kind == 'x'   ? kernel.x_count
                         : variable.kind == 'y' ? kernel.y_count
                                                : slots;
    count = std::max(count, variable.number + 1);
  }
  kernel.atoms.assign(slots, {&kArgumentRow, 0, std::string(kFormulaArgument)});
  kernel.tree = tree_of(sum, log, variables, kernel);
  return kernel;
}

}  // namespace gramless
