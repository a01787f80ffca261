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

// X_0 and Y_0 of a formula are no pair, and may differ in their columns: one
// name would then have two extents.
Axis y_axis(const KernelForm& form, std::size_t number) {
  Axis axis = axis_of(number, form.y_widths[number]);
  const bool is_other =
      number < form.x_widths.size() && form.x_widths[number] != axis.extent;
  if (is_other) axis.name = concat("f", number);
  return axis;
}

}  // namespace

std::string x_name(std::size_t pair) { return concat("x", pair); }
std::string y_name(std::size_t pair) { return concat("y", pair); }
std::string gamma_name(std::size_t slot) { return concat("g", slot); }

void declare_arguments(MapReduce& result, const ParsedKernel& kernel,
                       const KernelForm& form) {
  std::vector<ArraySpec>& arguments = result.arguments;
  for (std::size_t p = 0; p < kernel.x_count; ++p) {
    const Axis axis = axis_of(p, form.x_widths[p]);
    arguments.push_back({x_name(p), PairIndex::i, {axis}});
  }
  for (std::size_t p = 0; p < kernel.y_count; ++p) {
    arguments.push_back({y_name(p), PairIndex::j, {y_axis(form, p)}});
  }
  for (std::size_t slot = 0; slot < form.gammas.size(); ++slot) {
    const auto& [columns, pair] = form.gammas[slot];
    if (!columns) continue;
    std::vector<Axis> axes;
    if (*columns != 1) axes.push_back({gamma_name(slot), 0, *columns});
    arguments.push_back({gamma_name(slot), pair, axes});
  }
}

Expr kernel_value(MapReduce& result, const ParsedKernel& kernel,
                  bool has_logarithm_first) {
  return FormulaBuilder(result, kernel.formula, {}, has_logarithm_first)
      .build();
}

}  // namespace gramless
