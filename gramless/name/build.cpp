// SPDX-License-Identifier: MIT
// Builds the map-reduce of a kernel product.
#include "gramless/name/build.h"

#include "gramless/base/error.h"
#include "gramless/base/text.h"
#include "gramless/ir/reader.h"

namespace gramless {
namespace {

class Builder {
 public:
  Builder(const ParsedKernel& kernel, const Signature& signature)
      : kernel_(kernel), signature_(signature) {}

  MapReduce build() {
    declare_arguments();
    const Axis signal{"e", 0, signature_.signal};
    const ArraySpec b{"b", PairIndex::j, {signal}};
    result_.arguments.push_back(b);
    switch (signature_.mode) {
      case Mode::sum: {
        const Expr value = build_tree(kernel_.tree) * load(pool(), b);
        result_.outputs = {{{"a", PairIndex::i, {signal}}, value}};
        return std::move(result_);
      }
    }
    throw InternalError("build_kernel_product(): unknown mode.");
  }

 private:
  ExprPool& pool() { return *result_.pool; }

  [[nodiscard]] Axis axis_of(std::size_t pair) const {
    const std::string name = pair == 0 ? "d" : concat("d", pair);
    return {name, 0, signature_.dimensions[pair]};
  }

  void declare_arguments() {
    std::vector<ArraySpec>& arguments = result_.arguments;
    for (std::size_t p = 0; p < kernel_.pairs.size(); ++p) {
      arguments.push_back({x_name(p), PairIndex::i, {axis_of(p)}});
    }
    for (std::size_t p = 0; p < kernel_.pairs.size(); ++p) {
      arguments.push_back({y_name(p), PairIndex::j, {axis_of(p)}});
    }
    for (std::size_t slot = 0; slot < kernel_.atoms.size(); ++slot) {
      const GammaForm form = signature_.gammas[slot];
      if (form.metric == Metric::none) continue;
      arguments.push_back(
          {gamma_name(slot), form.pair, gamma_axes(slot, form.metric)});
    }
  }

  [[nodiscard]] std::vector<Axis> gamma_axes(std::size_t slot,
                                             Metric metric) const {
    const Axis row = axis_of(kernel_.atoms[slot].pair);
    Axis column = row;
    column.copy = 1;
    switch (metric) {
      case Metric::none:
      case Metric::scalar:
        return {};
      case Metric::diagonal:
        return {row};
      case Metric::full:
        return {row, column};
    }
    throw InternalError("gamma_axes(): unknown metric.");
  }

  Expr build_tree(const KernelTree& tree) {
    std::vector<Expr> operands;
    for (const KernelTree& operand : tree.operands) {
      operands.push_back(build_tree(operand));
    }
    switch (tree.kind) {
      case KernelNode::number:
        return pool().constant(tree.number);
      case KernelNode::atom:
        return build_atom(tree.gamma_slot);
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
    throw InternalError("build_tree(): unknown kind of node.");
  }

  Expr build_atom(std::size_t slot) {
    const AtomUse& use = kernel_.atoms[slot];
    Names names;
    if (use.row->parameter == Parameter::metric) {
      names.values["q"] = build_quadratic_form(slot);
    } else {
      const Axis axis = axis_of(use.pair);
      names.values["s"] =
          pool().sum(axis, pool().load(x_name(use.pair), {kAxisI, axis}) *
                               pool().load(y_name(use.pair), {kAxisJ, axis}));
    }
    if (use.row->parameter == Parameter::scalar) {
      names.values["g"] = load_gamma(slot);
    }
    return read_expr(pool(), use.row->formula, names);
  }

  Expr load_gamma(std::size_t slot) {
    const GammaForm form = signature_.gammas[slot];
    return load(pool(),
                {gamma_name(slot), form.pair, gamma_axes(slot, form.metric)});
  }

  /// Returns q = <x - y, G (x - y)>: the difference first, then the metric.
  Expr build_quadratic_form(std::size_t slot) {
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

  const ParsedKernel& kernel_;
  const Signature& signature_;
  MapReduce result_{std::make_shared<ExprPool>(), {}, {}};
};

}  // namespace

std::string to_text(const Signature& signature) {
  std::string text = concat("mode ", static_cast<int>(signature.mode), " D");
  for (const int64_t dimension : signature.dimensions) {
    text += concat(" ", dimension);
  }
  text += concat(" E ", signature.signal, " gamma");
  for (const GammaForm& form : signature.gammas) {
    text +=
        concat(" ", static_cast<int>(form.metric), pair_index_name(form.pair));
  }
  return text;
}

std::string x_name(std::size_t pair) { return concat("x", pair); }
std::string y_name(std::size_t pair) { return concat("y", pair); }
std::string gamma_name(std::size_t slot) { return concat("g", slot); }

MapReduce build_kernel_product(const ParsedKernel& kernel,
                               const Signature& signature) {
  return Builder(kernel, signature).build();
}

}  // namespace gramless
