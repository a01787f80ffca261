// SPDX-License-Identifier: MIT
// Reads own formulas as atoms and as kernels.
#include "gramless/name/formula_kernels.h"

#include <algorithm>

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless {
namespace {

constexpr AtomRow kArgumentRow{
    kFormulaArgument, Parameter::any, "", "", true, false, ""};

std::shared_ptr<const ParsedFormula> parse_if_given(
    const std::string& text, const std::string& function, bool is_atom,
    FormulaVariables& variables) {
  if (text.empty()) return nullptr;
  return parse_formula(text, function, is_atom, variables);
}

/// Appends a formula to the kernel's; returns its node.
KernelTree append(OwnFormulaUse use, ParsedKernel& kernel) {
  KernelTree own{KernelNode::own, 0, 0, {}};
  own.is_nonnegative = use.log || !use.sum || is_nonnegative(use.sum->tree);
  own.formula = kernel.formulas.size();
  kernel.formulas.push_back(std::move(use));
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
  return append({sum, log, known}, kernel);
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
  kernel.tree = append({sum, log, variables}, kernel);
  return kernel;
}

}  // namespace gramless
