// SPDX-License-Identifier: MIT
// Builds the expressions of a kernel for one pair (i, j).
#pragma once

#include "gramless/ir/map_reduce.h"
#include "gramless/name/kernel_form.h"
#include "gramless/name/kernel_tree.h"

namespace gramless {

class KernelBuilder {
 public:
  /// Of own formulas that have both, `has_logarithm_first` takes the formula of
  /// the logarithm.
  KernelBuilder(MapReduce& result, const ParsedKernel& kernel,
                const KernelForm& form, bool has_logarithm_first)
      : result_(result),
        kernel_(kernel),
        form_(form),
        has_logarithm_first_(has_logarithm_first) {}

  /// Declares the arguments of the kernel: x0, …, y0, …, g0, …
  void declare_arguments();

  /// Returns k, in the ordinary domain.
  Expr value() { return value_of(kernel_.tree); }

 private:
  ExprPool& pool() { return *result_.pool; }
  Expr constant(double value) { return pool().constant(value); }
  /// Returns the axis of a pair of variables, or of the variable of a number.
  [[nodiscard]] Axis axis_of(std::size_t pair) const;
  static Axis axis_of(std::size_t number, int64_t columns);
  /// Returns the axis of y's columns: that of x's if there are as many.
  [[nodiscard]] Axis y_axis(std::size_t number) const;
  [[nodiscard]] std::vector<Axis> gamma_axes(std::size_t slot) const;
  Expr load_gamma(std::size_t slot);
  Expr quadratic_form(std::size_t slot);
  Expr read_atom(std::size_t slot, std::string_view formula);

  Expr formula(const ParsedFormula& source, const FormulaVariables& variables);
  Expr value_of_formula(const OwnFormulaUse& use);
  Expr value_of(const KernelTree& tree);

  MapReduce& result_;
  const ParsedKernel& kernel_;
  const KernelForm& form_;
  bool has_logarithm_first_;
};

}  // namespace gramless
