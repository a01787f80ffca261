// SPDX-License-Identifier: MIT
// Builds the expressions of a kernel for one pair (i, j).
#pragma once

#include <limits>

#include "gramless/name/build.h"

namespace gramless {

/// A kernel as factor * exp(exponent) * 2**binary: what grows and falls slowly,
/// with its sign and its zeros, beside what no format could hold. Binary
/// exponents are mostly integers, which add up without rounding.
struct ScaledExpr {
  Expr factor;
  Expr exponent;
  Expr binary;

  /// Returns log2(e)*exponent + binary.
  [[nodiscard]] Expr power_of_two() const;
};

/// Below the logarithm of any number, and small enough to be multiplied.
inline constexpr double kLowestLogarithm = -1000;

class KernelBuilder {
 public:
  KernelBuilder(MapReduce& result, const ParsedKernel& kernel,
                const Signature& signature, const Differentiate& differentiate)
      : result_(result),
        kernel_(kernel),
        signature_(signature),
        differentiate_(differentiate) {}

  /// Declares the arguments of the kernel: x0, …, y0, …, g0, …
  void declare_arguments();

  /// Returns k.
  Expr value() { return value_of(kernel_.tree); }
  /// Returns k as a scaled expression, which neither over- nor underflows
  /// where log k can be held.
  ScaledExpr scaled() { return scaled_of(kernel_.tree); }
  /// Returns log k of a kernel that is not negative: the lowest number where
  /// k = 0, with derivative 0. Logarithms of factors are at least `lowest`.
  Expr logarithm(double lowest = std::numeric_limits<double>::lowest()) {
    lowest_logarithm_ = lowest;
    return logarithm_of(kernel_.tree);
  }

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
  Expr log0(Expr expr);

  Expr formula(const FormulaPart& part, const ParsedFormula& source,
               const Syntax& tree);
  Expr value_of_part(const FormulaPart& part);
  Expr value_of(const KernelTree& tree);
  ScaledExpr scaled_of(const KernelTree& tree);
  ScaledExpr scaled_atom(std::size_t slot);
  ScaledExpr scaled_power(const KernelTree& tree);
  void collect_terms(const KernelTree& tree, double sign,
                     std::vector<ScaledExpr>& terms);
  ScaledExpr sum_of(const std::vector<ScaledExpr>& terms);
  Expr logarithm_of(const KernelTree& tree);

  MapReduce& result_;
  const ParsedKernel& kernel_;
  const Signature& signature_;
  const Differentiate& differentiate_;
  double lowest_logarithm_ = std::numeric_limits<double>::lowest();
};

}  // namespace gramless
