// SPDX-License-Identifier: MIT
// Builds the expressions of own formulas for one pair (i, j).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gramless/ir/map_reduce.h"
#include "gramless/name/formula_operators.h"
#include "gramless/name/own_formula.h"

namespace gramless {

/// A vector: an expression in one free axis, the same for all vectors of one
/// width. A scalar has width 1 and no axis.
struct FormulaValue {
  int64_t width = 1;
  Expr expr;
};

/// Components that are written out one by one, at most.
inline constexpr int64_t kLongestFormulaList = 64;
/// Entries of a matrix that are written out, at most.
inline constexpr int64_t kLargestMatrix = 256;

class FormulaBuilder {
 public:
  /// `result` has the arguments. The feature axes of a gamma, one or the two of
  /// a matrix, are set when it is first used.
  FormulaBuilder(MapReduce& result, const Source& source,
                 const FormulaVariables& variables)
      : result_(result), source_(source), variables_(variables) {}

  /// Returns the value of a formula of width 1. Throws ArgumentError, with
  /// column and caret, where widths do not fit; UnsupportedError where a list
  /// of components would be long.
  Expr scalar(const Syntax& tree);

 private:
  using Values = std::vector<FormulaValue>;

  ExprPool& pool() { return *result_.pool; }
  static Axis axis_of(int64_t width);
  ArraySpec& argument_of(const Syntax& variable);

  FormulaValue value(const Syntax& tree);
  FormulaValue variable(const Syntax& tree);
  FormulaValue call(const Syntax& tree);
  FormulaValue special(const Syntax& tree, const FormulaOperator& row,
                       const Values& operands);
  std::vector<Expr> list_of(const Syntax& tree, const FormulaOperator& row,
                            const Values& operands);
  FormulaValue elementwise(const Syntax& tree, const Values& operands,
                           std::string_view text);
  FormulaValue contraction(const Syntax& tree, const Values& operands,
                           std::string_view text, std::string_view after = "a");
  FormulaValue weighted(const Syntax& tree, std::string_view text);
  static bool is_matrix_over(ArraySpec& array, int64_t width);
  FormulaValue quadratic_form(const Syntax& tree, const FormulaValue& metric,
                              const FormulaValue& vector);
  FormulaValue matrix_product(const Syntax& tree, const FormulaValue& matrix,
                              const FormulaValue& vector, bool is_transposed);
  FormulaValue extremum(const Syntax& tree, const FormulaValue& vector,
                        double sign);
  FormulaValue gradient(const Syntax& tree);

  int64_t common_width(const Syntax& tree, const Values& operands);
  int64_t integer(const Syntax& tree, std::size_t operand, int64_t least,
                  int64_t most);
  Expr element(const FormulaValue& vector, int64_t position);
  std::vector<Expr> elements(const FormulaValue& vector, const Syntax& tree,
                             int64_t most);
  FormulaValue from_list(const std::vector<Expr>& list, const Syntax& tree,
                         int64_t most = kLongestFormulaList);
  FormulaValue of_argument(const ArraySpec& array,
                           const std::function<Expr(std::vector<Index>)>& at,
                           const Syntax& tree);
  void check_length(int64_t length, int64_t most, const Syntax& tree);

  MapReduce& result_;
  const Source& source_;
  const FormulaVariables& variables_;
};

}  // namespace gramless
