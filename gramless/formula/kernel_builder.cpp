// SPDX-License-Identifier: MIT
// Implements the builder of kernels.
#include "gramless/formula/kernel_builder.h"

#include "gramless/base/text.h"
#include "gramless/formula/formula_builder.h"

namespace gramless {
namespace {

Axis axis_of(std::size_t number, int64_t columns) {
  return {number == 0 ? "d" : concat("d", number), 0, columns};
}

/// Returns the source of a formula, for messages about a call.
Source in_call(Source source) {
  source.function = "kernel_product()";
  return source;
}

}  // namespace

std::string x_name(std::size_t pair) { return concat("x", pair); }
std::string y_name(std::size_t pair) { return concat("y", pair); }
std::string gamma_name(std::size_t slot) { return concat("g", slot); }

// X_0 and Y_0 of a formula are no pair, and may differ in their columns: one
// name would then have two extents.
Axis KernelBuilder::y_axis(std::size_t number) const {
  Axis axis = axis_of(number, form_.y_columns[number]);
  const std::vector<int64_t>& x_columns = form_.x_columns;
  const bool is_other =
      number < x_columns.size() && x_columns[number] != axis.extent;
  if (is_other) axis.name = concat("f", number);
  return axis;
}

void KernelBuilder::declare_arguments() {
  std::vector<ArraySpec>& arguments = result_.arguments;
  for (std::size_t p = 0; p < kernel_.x_count; ++p) {
    const Axis axis = axis_of(p, form_.x_columns[p]);
    arguments.push_back({x_name(p), PairIndex::i, {axis}});
  }
  for (std::size_t p = 0; p < kernel_.y_count; ++p) {
    arguments.push_back({y_name(p), PairIndex::j, {y_axis(p)}});
  }
  for (std::size_t slot = 0; slot < form_.gammas.size(); ++slot) {
    const auto& [columns, pair] = form_.gammas[slot];
    if (!columns) continue;
    std::vector<Axis> axes;
    if (*columns != 1) axes.push_back({gamma_name(slot), 0, *columns});
    arguments.push_back({gamma_name(slot), pair, axes});
  }
}

Expr KernelBuilder::value() {
  if (kernel_.formula) return value_of(*kernel_.formula, kernel_.variables);
  const auto atom = [&](const Syntax& call) {
    const AtomUse& use = kernel_.use_of(call);
    return value_of(*use.atom, atom_variables(use.pair, use.slot));
  };
  const Source source = in_call(kernel_.source);
  return FormulaBuilder(result_, source, {}, atom).build(kernel_.tree);
}

Expr KernelBuilder::formula(const ParsedFormula& source,
                            const FormulaVariables& variables) {
  const Source text = in_call(source.source);
  return FormulaBuilder(result_, text, variables).build(source.tree);
}

/// Returns the value by its formula; in the log domain, and where there is no
/// other, by that of the logarithm.
Expr KernelBuilder::value_of(const Atom& atom,
                             const FormulaVariables& variables) {
  if (atom.log && (has_logarithm_first_ || !atom.sum)) {
    return pool().apply(Function::exp, formula(*atom.log, variables));
  }
  // A kernel of routines alone runs on no engine.
  return atom.sum ? formula(*atom.sum, variables) : pool().constant(1);
}

}  // namespace gramless
