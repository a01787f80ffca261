// SPDX-License-Identifier: MIT
// Builds the expressions of a kernel for one pair (i, j).
#pragma once

#include "gramless/formula/kernel_form.h"
#include "gramless/formula/parsed_kernel.h"
#include "gramless/ir/map_reduce.h"

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
  Expr value();

 private:
  ExprPool& pool() { return *result_.pool; }
  /// Returns the axis of y's columns: that of x's if there are as many.
  [[nodiscard]] Axis y_axis(std::size_t number) const;

  Expr formula(const ParsedFormula& source, const FormulaVariables& variables);
  Expr value_of(const Atom& atom, const FormulaVariables& variables);

  MapReduce& result_;
  const ParsedKernel& kernel_;
  const KernelForm& form_;
  bool has_logarithm_first_;
};

}  // namespace gramless
