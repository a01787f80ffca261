// SPDX-License-Identifier: MIT
// Builds the expressions of names and formulas for one pair (i, j).
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gramless/formula/parsed_kernel.h"
#include "gramless/ir/map_reduce.h"

namespace gramless {

/// A vector: an expression in a free axis, the same for all vectors of one
/// width, or in the axes of rows and columns where a matrix of as many entries
/// takes part in a product. A scalar has width 1 and no axis.
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
  /// `result` has the arguments. The feature axes of a gamma are set when it is
  /// used; those of x and y, too, but in the formula of an atom, as others may
  /// read the same points. `use` is what the formula belongs to, nothing for a
  /// name. Of atoms that have both formulas, `has_logarithm_first` takes that
  /// of the logarithm.
  FormulaBuilder(MapReduce& result, const ParsedFormula& formula, AtomUse use,
                 bool has_logarithm_first);

  /// Returns the value of the formula, which has to have width 1. Throws
  /// ArgumentError, with column and caret, where widths do not fit;
  /// UnsupportedError where a list of components would be long.
  Expr build();

 private:
  using Values = std::vector<FormulaValue>;

  ExprPool& pool() { return *result_.pool; }
  /// Returns the axes of vectors of a width: none of width 1.
  [[nodiscard]] std::vector<Axis> axes_of(int64_t width) const;
  /// Returns the axes of the columns of a matrix whose rows have axes_of(rows).
  [[nodiscard]] std::vector<Axis> column_axes(int64_t rows,
                                              int64_t columns) const;
  /// Returns whether vectors of rows*columns entries are indexed as a matrix,
  /// and makes it so if nothing speaks against it.
  bool is_matrix(int64_t rows, int64_t columns);
  /// Whether it is the formula of an atom in a name.
  [[nodiscard]] bool is_in_name() const {
    return use_.atom && !use_.atom->name.empty();
  }
  [[nodiscard]] const ArraySpec* points_of(int64_t width) const;
  [[nodiscard]] ArraySpec& argument_of(const FormulaVariable& variable) const;
  ArraySpec& indexed_argument(const FormulaNode& node);
  [[nodiscard]] std::vector<Index> columns_of(const ArraySpec& array) const;

  Expr scalar(const FormulaNode& node);
  FormulaValue value(const FormulaNode& node);
  FormulaValue operand(const FormulaNode& node);
  FormulaValue variable(const FormulaNode& node);
  Expr atom(const AtomUse& use);
  FormulaValue operation(const FormulaNode& node);
  FormulaValue special(const FormulaNode& node, const FormulaOperator& row,
                       const Values& operands);
  std::vector<Expr> list_of(const FormulaNode& node, const FormulaOperator& row,
                            const Values& operands);
  FormulaValue elementwise(const FormulaNode& node, const Values& operands,
                           std::string_view text);
  FormulaValue contraction(const FormulaNode& node, const Values& operands,
                           std::string_view text, std::string_view after = "a");
  FormulaValue weighted(const FormulaNode& node, std::string_view text);
  FormulaValue quadratic_form(const FormulaNode& node,
                              const FormulaValue& metric,
                              const FormulaValue& vector);
  FormulaValue matrix_product(const FormulaNode& node,
                              const FormulaValue& matrix,
                              const FormulaValue& vector, bool is_transposed);
  FormulaValue written_out_product(const FormulaNode& node,
                                   const FormulaValue& matrix,
                                   const FormulaValue& vector,
                                   bool is_transposed);
  FormulaValue outer_product(const FormulaNode& node, const FormulaValue& a,
                             const FormulaValue& b);
  FormulaValue extremum(const FormulaNode& node, const FormulaValue& vector,
                        double sign);
  FormulaValue gradient(const FormulaNode& node);

  int64_t common_width(const FormulaNode& node, const Values& operands);
  int64_t integer(const FormulaNode& node, std::size_t operand, int64_t least,
                  int64_t most);
  Expr renamed(Expr expr, const std::vector<Axis>& from,
               const std::vector<Axis>& to);
  Expr element(const FormulaValue& vector, int64_t position);
  Expr listed(std::span<const Expr> list, std::span<const Axis> axes);
  std::vector<Expr> elements(const FormulaValue& vector,
                             const FormulaNode& node, int64_t most);
  FormulaValue from_list(const std::vector<Expr>& list, const FormulaNode& node,
                         int64_t most = kLongestFormulaList);
  void check_length(int64_t length, int64_t most, const FormulaNode& node);

  [[noreturn]] void fail(const FormulaNode& node, const std::string& problem);

  MapReduce& result_;
  const ParsedFormula& formula_;
  AtomUse use_;
  bool has_logarithm_first_;
  /// Rows and columns of the vectors that are indexed as matrices, by width.
  std::map<int64_t, std::pair<int64_t, int64_t>> matrices_;
  /// Whether all matrices were known from the start.
  bool is_complete_ = true;
};

}  // namespace gramless
