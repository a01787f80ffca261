// SPDX-License-Identifier: MIT
// Makes atoms and kernels of formulas, and the texts that tell kernels apart.
#include "gramless/formula/parsed_kernel.h"

#include <algorithm>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/operators.h"

namespace gramless {
namespace {

std::shared_ptr<const ParsedFormula> parse_if_given(
    const std::string& text, const std::string& function, FormulaOwner owner,
    FormulaVariables& variables) {
  if (text.empty()) return nullptr;
  return parse_formula(text, function, owner, variables);
}

/// Whether a formula that is given by its value alone may be negative.
bool may_be_negative(const Atom& atom) {
  return !atom.log && atom.sum && !atom.sum->is_nonnegative;
}

/// Returns what formulas of a user say as a gamma slot each.
std::vector<Parameter> parameters_in(const OwnFormula& formula) {
  if (formula.sum.empty() && formula.log.empty()) return {Parameter::unknown};
  std::vector<Parameter> parameters;
  for (const std::string_view name : kParameterNames) {
    const bool is_used = formula.sum.find(name) != std::string::npos ||
                         formula.log.find(name) != std::string::npos;
    parameters.push_back(is_used ? Parameter::any : Parameter::none);
  }
  while (parameters.size() > 1 && parameters.back() == Parameter::none) {
    parameters.pop_back();
  }
  return parameters;
}

class StructureText {
 public:
  explicit StructureText(const ParsedKernel& kernel) : kernel_(kernel) {}

  std::string of_atom(const Atom& atom, const FormulaVariables& variables) {
    const FormulaVariables* const outer = variables_;
    variables_ = &variables;
    std::string text;
    for (const auto& formula : {atom.sum, atom.log}) {
      text += concat("{", formula ? of(formula->tree) : std::string(), "}");
    }
    variables_ = outer;
    return text;
  }

  std::string of(const Syntax& tree) {
    return fold_chain(
        tree, [&](const Syntax& operand) { return of_operand(operand); },
        [](const Syntax& node, const std::string& left,
           const std::string& right) {
          const bool is_dot = node.kind == SyntaxKind::dot;
          return concat("(", is_dot ? "a|b" : operator_text(node.kind), " ",
                        left, " ", right, ")");
        });
  }

 private:
  std::string of_operand(const Syntax& tree) {
    switch (tree.kind) {
      case SyntaxKind::number:
        return number_text(tree.number);
      case SyntaxKind::name: {
        if (variables_ == nullptr) {
          throw InternalError("of_operand(): a variable outside of formulas.");
        }
        const FormulaVariable& variable = variables_->find(tree.name)->second;
        return concat(variable.kind, variable.number);
      }
      case SyntaxKind::call:
        return variables_ == nullptr ? of_use(kernel_.use_of(tree))
                                     : of_operands(tree.name, tree);
      case SyntaxKind::power:
        return of_operands("**", tree) + number_text(tree.number);
      case SyntaxKind::negate:
        return of_operands("-a", tree);
      case SyntaxKind::element:
        break;
      case SyntaxKind::add:
      case SyntaxKind::subtract:
      case SyntaxKind::multiply:
      case SyntaxKind::divide:
      case SyntaxKind::dot:
        return of(tree);
    }
    throw InternalError("of_operand(): unknown kind of syntax.");
  }

  std::string of_use(const AtomUse& use) {
    if (use.atom->is_own) {
      return of_atom(*use.atom, atom_variables(use.pair, use.slot));
    }
    return concat(use.atom->name, "(", use.pair, ")");
  }

  std::string of_operands(std::string_view name, const Syntax& tree) {
    std::string text = concat("(", name);
    for (const Syntax& operand : tree.operands) text += " " + of(operand);
    return text + ")";
  }

  const ParsedKernel& kernel_;
  /// Null in the name itself.
  const FormulaVariables* variables_ = nullptr;
};

}  // namespace

const AtomUse& ParsedKernel::use_of(const Syntax& call) const {
  const auto found =
      std::find_if(atoms.begin(), atoms.end(),
                   [&](const AtomUse& use) { return use.begin == call.begin; });
  if (found == atoms.end()) throw InternalError("use_of(): no such atom.");
  return *found;
}

std::vector<OwnFormula> catalogue_atoms() {
  std::vector<OwnFormula> atoms;
  for (const AtomRow& row : atom_table()) {
    const std::string name(row.name);
    atoms.push_back({name, "", "", name});
  }
  return atoms;
}

std::shared_ptr<const Atom> make_atom(const OwnFormula& formula) {
  const std::string function = concat("Formula '", formula.name, "'");
  FormulaVariables variables = atom_variables(0, 0);
  auto atom = std::make_shared<Atom>();
  atom->name = formula.name;
  atom->sum =
      parse_if_given(formula.sum, function, FormulaOwner::atom, variables);
  atom->log =
      parse_if_given(formula.log, function, FormulaOwner::atom, variables);
  atom->parameters = parameters_in(formula);
  atom->is_nonnegative = !may_be_negative(*atom);
  atom->is_own = true;
  return atom;
}

std::shared_ptr<const Atom> make_atom(const AtomRow& row) {
  const bool is_built = !row.built_formula.empty();
  const std::string text(is_built ? row.built_formula : row.formula);
  FormulaVariables variables = atom_variables(0, 0);
  auto atom = std::make_shared<Atom>();
  atom->name = row.name;
  atom->sum = parse_formula(text, concat("Formula '", row.name, "'"),
                            FormulaOwner::engine, variables);
  atom->parameters = parameters_of(row);
  atom->is_nonnegative = !row.is_signed;
  return atom;
}

ParsedKernel parse_kernel(const OwnFormula& formula) {
  ParsedKernel kernel;
  auto atom = std::make_shared<Atom>();
  for (auto [text, parsed] : {std::pair{&formula.sum, &atom->sum},
                              std::pair{&formula.log, &atom->log}}) {
    *parsed = parse_if_given(*text, "Kernel()", FormulaOwner::kernel,
                             kernel.variables);
  }
  if (!atom->sum && !atom->log) {
    throw ArgumentError("Kernel(): expected a name or a formula, got neither.");
  }
  std::size_t slots = 0;
  for (const auto& [name, variable] : kernel.variables) {
    std::size_t& count = variable.kind == 'x'   ? kernel.x_count
                         : variable.kind == 'y' ? kernel.y_count
                                                : slots;
    count = std::max(count, variable.number + 1);
  }
  kernel.slots.resize(slots);
  kernel.is_nonnegative = !may_be_negative(*atom);
  kernel.formula = std::move(atom);
  return kernel;
}

std::string structure_text(const ParsedKernel& kernel) {
  StructureText text(kernel);
  return kernel.formula ? text.of_atom(*kernel.formula, kernel.variables)
                        : text.of(kernel.tree);
}

}  // namespace gramless
