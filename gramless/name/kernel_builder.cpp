// SPDX-License-Identifier: MIT
// Implements the builder of kernels.
#include "gramless/name/kernel_builder.h"

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/ir/reader.h"
#include "gramless/name/formula_builder.h"

namespace gramless {

std::string x_name(std::size_t pair) { return concat("x", pair); }
std::string y_name(std::size_t pair) { return concat("y", pair); }
std::string gamma_name(std::size_t slot) { return concat("g", slot); }

Axis KernelBuilder::axis_of(std::size_t pair) const {
  return axis_of(pair, form_.x_columns[pair]);
}

Axis KernelBuilder::axis_of(std::size_t number, int64_t columns) {
  return {number == 0 ? "d" : concat("d", number), 0, columns};
}

// In a formula, X_0 and Y_0 are no pair, and may differ in their columns: one
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
  for (std::size_t slot = 0; slot < kernel_.atoms.size(); ++slot) {
    const GammaForm form = form_.gammas[slot];
    if (form.metric == Metric::none) continue;
    arguments.push_back({gamma_name(slot), form.pair, gamma_axes(slot)});
  }
}

std::vector<Axis> KernelBuilder::gamma_axes(std::size_t slot) const {
  if (form_.gammas[slot].metric == Metric::any) {
    return {{concat("g", slot), 0, form_.gammas[slot].columns}};
  }
  const Axis row = axis_of(kernel_.atoms[slot].pair);
  Axis column = row;
  column.copy = 1;
  switch (form_.gammas[slot].metric) {
    case Metric::none:
    case Metric::scalar:
      return {};
    case Metric::diagonal:
      return {row};
    case Metric::full:
      return {row, column};
    case Metric::any:
      break;
  }
  throw InternalError("gamma_axes(): unknown metric.");
}

Expr KernelBuilder::load_gamma(std::size_t slot) {
  const PairIndex pair = form_.gammas[slot].pair;
  return load(pool(), {gamma_name(slot), pair, gamma_axes(slot)});
}

/// Returns q = <x - y, G (x - y)>: the difference first, then the metric.
Expr KernelBuilder::quadratic_form(std::size_t slot) {
  const std::size_t pair = kernel_.atoms[slot].pair;
  const Axis axis = axis_of(pair);
  const Expr difference = pool().load(x_name(pair), {kAxisI, axis}) -
                          pool().load(y_name(pair), {kAxisJ, axis});
  const Expr gamma = load_gamma(slot);
  if (form_.gammas[slot].metric != Metric::full) {
    return pool().sum(axis, gamma * pool().power(difference, 2));
  }
  Axis column = axis;
  column.copy = 1;
  const Expr other = pool().rename(difference, {{axis, column}});
  return pool().sum(axis, difference * pool().sum(column, gamma * other));
}

/// Builds a formula of the catalogue.
Expr KernelBuilder::read_atom(std::size_t slot, std::string_view formula) {
  const AtomUse& use = kernel_.atoms[slot];
  Names names;
  if (use.row->parameter == Parameter::metric) {
    names.values["q"] = quadratic_form(slot);
  } else {
    const Axis axis = axis_of(use.pair);
    names.values["s"] =
        pool().sum(axis, pool().load(x_name(use.pair), {kAxisI, axis}) *
                             pool().load(y_name(use.pair), {kAxisJ, axis}));
  }
  if (use.row->parameter == Parameter::scalar) {
    names.values["g"] = load_gamma(slot);
  }
  return read_expr(pool(), formula, names);
}

Expr KernelBuilder::formula(const ParsedFormula& source,
                            const FormulaVariables& variables) {
  Source text = source.source;
  text.function = "kernel_product()";
  const bool has_atoms = !kernel_.pairs.empty();
  return FormulaBuilder(result_, text, variables, has_atoms).build(source.tree);
}

/// Returns the value by its formula; in the log domain, and where there is no
/// other, by that of the logarithm.
Expr KernelBuilder::value_of_formula(const OwnFormulaUse& use) {
  if (use.log && (has_logarithm_first_ || !use.sum)) {
    return pool().apply(Function::exp, formula(*use.log, use.variables));
  }
  // A kernel of routines alone runs on no engine.
  return use.sum ? formula(*use.sum, use.variables) : constant(1);
}

Expr KernelBuilder::value_of(const KernelTree& tree) {
  std::vector<Expr> operands;
  for (const KernelTree& operand : tree.operands) {
    operands.push_back(value_of(operand));
  }
  switch (tree.kind) {
    case KernelNode::number:
      return constant(tree.number);
    case KernelNode::atom:
      return read_atom(tree.gamma_slot,
                       kernel_.atoms[tree.gamma_slot].row->formula);
    case KernelNode::own:
      return value_of_formula(kernel_.formulas[tree.formula]);
    case KernelNode::negate:
      return -operands[0];
    case KernelNode::add:
      return operands[0] + operands[1];
    case KernelNode::subtract:
      return operands[0] - operands[1];
    case KernelNode::multiply:
      return operands[0] * operands[1];
    case KernelNode::divide:
      return pool().divide(operands[0], operands[1]);
    case KernelNode::power:
      return pool().power(operands[0], tree.number);
  }
  throw InternalError("value_of(): unknown kind of node.");
}

}  // namespace gramless
