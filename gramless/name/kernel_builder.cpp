// SPDX-License-Identifier: MIT
// Implements the builder of kernels.
#include "gramless/name/kernel_builder.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gramless/base/error.h"
#include "gramless/base/text.h"
#include "gramless/ir/reader.h"

namespace gramless {
namespace {

/// Powers up to this one multiply a mantissa, between 1 and 2, with itself;
/// higher ones could leave the range of a format, and go through the logarithm.
constexpr double kLargestPowerOfMantissa = 32;
/// Below the binary exponent of any number.
constexpr double kLowestExponent = -2000;

}  // namespace

Expr ScaledExpr::power_of_two() const {
  return exponent->pool->constant(std::numbers::log2e) * exponent + binary;
}

Axis KernelBuilder::axis_of(std::size_t pair) const {
  return axis_of(pair, signature_.x_columns[pair]);
}

Axis KernelBuilder::axis_of(std::size_t number, int64_t columns) {
  return {number == 0 ? "d" : concat("d", number), 0, columns};
}

// In a formula, X_0 and Y_0 are no pair, and may differ in their columns: one
// name would then have two extents.
Axis KernelBuilder::y_axis(std::size_t number) const {
  Axis axis = axis_of(number, signature_.y_columns[number]);
  const std::vector<int64_t>& x_columns = signature_.x_columns;
  const bool is_other =
      number < x_columns.size() && x_columns[number] != axis.extent;
  if (is_other) axis.name = concat("f", number);
  return axis;
}

void KernelBuilder::declare_arguments() {
  std::vector<ArraySpec>& arguments = result_.arguments;
  for (std::size_t p = 0; p < kernel_.x_count; ++p) {
    const Axis axis = axis_of(p, signature_.x_columns[p]);
    arguments.push_back({x_name(p), PairIndex::i, {axis}});
  }
  for (std::size_t p = 0; p < kernel_.y_count; ++p) {
    arguments.push_back({y_name(p), PairIndex::j, {y_axis(p)}});
  }
  for (std::size_t slot = 0; slot < kernel_.atoms.size(); ++slot) {
    const GammaForm form = signature_.gammas[slot];
    if (form.metric == Metric::none) continue;
    arguments.push_back({gamma_name(slot), form.pair, gamma_axes(slot)});
  }
}

std::vector<Axis> KernelBuilder::gamma_axes(std::size_t slot) const {
  if (signature_.gammas[slot].metric == Metric::any) {
    return {{concat("g", slot), 0, signature_.gammas[slot].columns}};
  }
  const Axis row = axis_of(kernel_.atoms[slot].pair);
  Axis column = row;
  column.copy = 1;
  switch (signature_.gammas[slot].metric) {
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
  const PairIndex pair = signature_.gammas[slot].pair;
  return load(pool(), {gamma_name(slot), pair, gamma_axes(slot)});
}

/// Returns q = <x - y, G (x - y)>: the difference first, then the metric.
Expr KernelBuilder::quadratic_form(std::size_t slot) {
  const std::size_t pair = kernel_.atoms[slot].pair;
  const Axis axis = axis_of(pair);
  const Expr difference = pool().load(x_name(pair), {kAxisI, axis}) -
                          pool().load(y_name(pair), {kAxisJ, axis});
  const Expr gamma = load_gamma(slot);
  if (signature_.gammas[slot].metric != Metric::full) {
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

Expr KernelBuilder::formula(const FormulaPart& part,
                            const ParsedFormula& source, const Syntax& tree) {
  Source text = source.source;
  text.function = "kernel_product()";
  return FormulaBuilder(result_, text, part.variables, differentiate_)
      .scalar(tree);
}

Expr KernelBuilder::value_of_part(const FormulaPart& part) {
  if (part.value != nullptr) return formula(part, *part.sum, *part.value);
  return pool().apply(Function::exp, formula(part, *part.log, *part.logarithm));
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
      return operands[0];
    case KernelNode::part:
      return value_of_part(kernel_.parts[tree.gamma_slot]);
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

ScaledExpr KernelBuilder::scaled_of(const KernelTree& tree) {
  switch (tree.kind) {
    case KernelNode::number:
      return {constant(tree.number), constant(0), constant(0)};
    case KernelNode::atom:
      return scaled_atom(tree.gamma_slot);
    case KernelNode::own:
      return scaled_of(tree.operands[0]);
    case KernelNode::part: {
      const FormulaPart& part = kernel_.parts[tree.gamma_slot];
      if (part.logarithm == nullptr) {
        return {value_of_part(part), constant(0), constant(0)};
      }
      return {constant(1), formula(part, *part.log, *part.logarithm),
              constant(0)};
    }
    case KernelNode::negate: {
      const ScaledExpr operand = scaled_of(tree.operands[0]);
      return {-operand.factor, operand.exponent, operand.binary};
    }
    case KernelNode::add:
    case KernelNode::subtract: {
      std::vector<ScaledExpr> terms;
      collect_terms(tree, 1, terms);
      return sum_of(terms);
    }
    case KernelNode::multiply: {
      const ScaledExpr a = scaled_of(tree.operands[0]);
      const ScaledExpr b = scaled_of(tree.operands[1]);
      return {a.factor * b.factor, a.exponent + b.exponent,
              a.binary + b.binary};
    }
    case KernelNode::divide: {
      const ScaledExpr a = scaled_of(tree.operands[0]);
      const ScaledExpr b = scaled_of(tree.operands[1]);
      return {pool().divide(a.factor, b.factor), a.exponent - b.exponent,
              a.binary - b.binary};
    }
    case KernelNode::power:
      return scaled_power(tree);
  }
  throw InternalError("scaled_of(): unknown kind of node.");
}

ScaledExpr KernelBuilder::scaled_atom(std::size_t slot) {
  const AtomRow& row = *kernel_.atoms[slot].row;
  if (row.is_exponential) {
    return {constant(1), read_atom(slot, row.log_formula), constant(0)};
  }
  return {read_atom(slot, row.formula), constant(0), constant(0)};
}

ScaledExpr KernelBuilder::scaled_power(const KernelTree& tree) {
  const double n = tree.number;
  const KernelTree& operand = tree.operands[0];
  const ScaledExpr base = scaled_of(operand);
  const Expr exponent = constant(n) * base.exponent;
  const Expr binary = constant(n) * base.binary;
  if (std::abs(n) <= 1 || base.factor->is_constant()) {
    return {pool().power(base.factor, n), exponent, binary};
  }
  if (std::abs(n) <= kLargestPowerOfMantissa) {
    const Expr digits = pool().apply(Function::mantissa, base.factor);
    const Expr size =
        pool().maximum({pool().apply(Function::exponent, base.factor),
                        constant(kLowestExponent)});
    return {pool().power(digits, n), exponent, binary + constant(n) * size};
  }
  if (operand.is_nonnegative) {
    return {constant(1), exponent + constant(n) * log0(base.factor), binary};
  }
  const Expr square = pool().power(base.factor, 2);
  const bool is_odd = std::fmod(n, 2) != 0;
  const Expr sign = base.factor * pool().power0(square, -0.5);
  return {is_odd ? sign : constant(1),
          exponent + constant(n / 2) * log0(square), binary};
}

/// Appends the terms of a sum of sums and differences.
void KernelBuilder::collect_terms(const KernelTree& tree, double sign,
                                  std::vector<ScaledExpr>& terms) {
  const bool is_sum =
      tree.kind == KernelNode::add || tree.kind == KernelNode::subtract;
  if (is_sum) {
    const double second = tree.kind == KernelNode::add ? sign : -sign;
    collect_terms(tree.operands[0], sign, terms);
    collect_terms(tree.operands[1], second, terms);
    return;
  }
  const ScaledExpr term = scaled_of(tree);
  terms.push_back({constant(sign) * term.factor, term.exponent, term.binary});
}

/// Adds terms on the scale of the largest one. The scale drops out of the
/// result, and so out of its derivative. A term with factor 0 has no part in
/// it, but an exponent that may be much larger.
ScaledExpr KernelBuilder::sum_of(const std::vector<ScaledExpr>& terms) {
  const ScaledExpr& first = terms[0];
  std::vector<Expr> factors;
  std::vector<Expr> sizes;
  bool is_plain = true;
  for (const ScaledExpr& term : terms) {
    is_plain = is_plain && term.exponent == first.exponent &&
               term.binary == first.binary;
    factors.push_back(term.factor);
    Expr size = term.power_of_two();
    if (!term.factor->is_constant()) {
      size = size + pool().apply(Function::exponent, term.factor);
    }
    sizes.push_back(size);
  }
  if (is_plain) return {pool().add(factors), first.exponent, first.binary};
  const Expr scale = pool().apply(Function::detach, pool().maximum(sizes));
  std::vector<Expr> parts;
  for (const ScaledExpr& term : terms) {
    Expr exponent = term.power_of_two() - scale;
    if (!term.factor->is_constant()) {
      exponent = pool().apply(Function::capped, {exponent, term.factor});
    }
    parts.push_back(term.factor * pool().apply(Function::exp2, exponent));
  }
  return {pool().add(parts), constant(0), scale};
}

Expr KernelBuilder::log0(Expr expr) {
  const Expr logarithm = pool().apply(Function::log0, expr);
  if (lowest_logarithm_ == std::numeric_limits<double>::lowest()) {
    return logarithm;
  }
  return pool().maximum({constant(lowest_logarithm_), logarithm});
}

Expr KernelBuilder::logarithm_of(const KernelTree& tree) {
  const bool is_of_logarithms =
      std::all_of(tree.operands.begin(), tree.operands.end(),
                  [](const KernelTree& each) { return each.is_nonnegative; });
  switch (tree.kind) {
    case KernelNode::atom: {
      const AtomRow& row = *kernel_.atoms[tree.gamma_slot].row;
      return row.is_exponential ? read_atom(tree.gamma_slot, row.log_formula)
                                : log0(read_atom(tree.gamma_slot, row.formula));
    }
    case KernelNode::own:
      return logarithm_of(tree.operands[0]);
    case KernelNode::part: {
      const FormulaPart& part = kernel_.parts[tree.gamma_slot];
      return part.logarithm == nullptr
                 ? log0(value_of_part(part))
                 : formula(part, *part.log, *part.logarithm);
    }
    case KernelNode::multiply:
      if (!is_of_logarithms) break;
      return logarithm_of(tree.operands[0]) + logarithm_of(tree.operands[1]);
    case KernelNode::divide:
      if (!is_of_logarithms) break;
      return logarithm_of(tree.operands[0]) - logarithm_of(tree.operands[1]);
    case KernelNode::power:
      if (!is_of_logarithms) break;
      return constant(tree.number) * logarithm_of(tree.operands[0]);
    case KernelNode::number:
    case KernelNode::negate:
    case KernelNode::add:
    case KernelNode::subtract:
      break;
  }
  const ScaledExpr scaled = scaled_of(tree);
  return scaled.exponent + constant(std::numbers::ln2) * scaled.binary +
         log0(scaled.factor);
}

}  // namespace gramless
