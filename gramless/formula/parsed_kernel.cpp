// SPDX-License-Identifier: MIT
// Makes atoms, and kernels of formulas.
#include "gramless/formula/parsed_kernel.h"

#include <algorithm>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/formula_reader.h"

namespace gramless {
namespace {

std::optional<ParsedFormula> read_if_given(const std::string& text,
                                           const std::string& function,
                                           FormulaOwner owner) {
  if (text.empty()) return std::nullopt;
  return read_formula(text, function, owner);
}

/// Whether formulas by their value alone may be negative.
bool may_be_negative(const Atom& atom) {
  return !atom.log && atom.sum && !atom.sum->root->known.is_nonnegative;
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

/// Returns the kernel of an atom that stands for all of it.
ParsedKernel whole_kernel(Atom atom) {
  std::array<std::size_t, 3> counts = {};
  for (const auto& formula : {atom.sum, atom.log}) {
    for (std::size_t k = 0; formula && k < counts.size(); ++k) {
      counts[k] = std::max(counts[k], formula->root->arguments[k]);
    }
  }
  atom.is_nonnegative = !may_be_negative(atom);
  ParsedKernel kernel;
  kernel.x_count = counts[0];
  kernel.y_count = counts[1];
  kernel.slots.resize(counts[2]);
  const AtomUse use{std::make_shared<const Atom>(std::move(atom))};
  kernel.formula.root = make_use(use);
  kernel.atoms = {use};
  return kernel;
}

}  // namespace

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
  auto atom = std::make_shared<Atom>();
  atom->name = formula.name;
  atom->sum = read_if_given(formula.sum, function, FormulaOwner::atom);
  atom->log = read_if_given(formula.log, function, FormulaOwner::atom);
  atom->parameters = parameters_in(formula);
  atom->is_nonnegative = !may_be_negative(*atom);
  atom->is_own = true;
  return atom;
}

std::shared_ptr<const Atom> make_atom(const AtomRow& row) {
  const bool is_built = !row.built_formula.empty();
  const std::string text(is_built ? row.built_formula : row.formula);
  auto atom = std::make_shared<Atom>();
  atom->name = row.name;
  atom->sum = read_formula(text, concat("Formula '", row.name, "'"),
                           FormulaOwner::engine);
  atom->parameters = parameters_of(row);
  atom->is_nonnegative = !row.is_signed;
  return atom;
}

ParsedKernel parse_kernel(const OwnFormula& formula) {
  Atom atom;
  atom.sum = read_if_given(formula.sum, "Kernel()", FormulaOwner::kernel);
  atom.log = read_if_given(formula.log, "Kernel()", FormulaOwner::kernel);
  if (!atom.sum && !atom.log) {
    throw ArgumentError("Kernel(): expected a name or a formula, got neither.");
  }
  return whole_kernel(std::move(atom));
}

ParsedKernel parse_kernel(const Formula& formula) {
  Atom atom;
  Source source{formula.text(), "Kernel()", false, true};
  atom.sum = ParsedFormula{std::move(source), formula.node(), false};
  return whole_kernel(std::move(atom));
}

}  // namespace gramless
