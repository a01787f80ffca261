// SPDX-License-Identifier: MIT
// Implements what the builder of formulas does with whole vectors.
#include <numeric>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/formula_builder.h"
#include "gramless/transform/derivative.h"

namespace gramless {

FormulaValue FormulaBuilder::weighted(const FormulaNode& node,
                                      std::string_view text) {
  const FormulaValue weight = value(*node.operands[0]);
  Values vectors;
  for (std::size_t k = 1; k < node.operands.size(); ++k) {
    vectors.push_back(value(*node.operands[k]));
  }
  return quadratic_form(node, weight, elementwise(node, vectors, text));
}

FormulaValue FormulaBuilder::quadratic_form(const FormulaNode& node,
                                            const FormulaValue& metric,
                                            const FormulaValue& vector) {
  if (metric.width == 1 || metric.width == vector.width) {
    return contraction(node, {metric, vector}, "a*b**2");
  }
  if (metric.width != vector.width * vector.width) {
    fail(node, concat("expected a metric of width 1, ", vector.width, " or ",
                      vector.width * vector.width, ", got ", metric.width));
  }
  const FormulaValue rotated = matrix_product(node, metric, vector, false);
  return contraction(node, {vector, rotated}, "a*b");
}

FormulaValue FormulaBuilder::matrix_product(const FormulaNode& node,
                                            const FormulaValue& matrix,
                                            const FormulaValue& vector,
                                            bool is_transposed) {
  if (vector.width == 0 || matrix.width % vector.width != 0) {
    fail(node, concat("expected a matrix with a multiple of ", vector.width,
                      " entries, got ", matrix.width));
  }
  const int64_t inner = vector.width;
  const int64_t outer = matrix.width / inner;
  if (outer == 1) return contraction(node, {matrix, vector}, "a*b");
  if (inner == 1) return elementwise(node, {matrix, vector}, "a*b");
  const int64_t rows = is_transposed ? inner : outer;
  const int64_t columns = is_transposed ? outer : inner;
  if (!is_matrix(rows, columns)) {
    return written_out_product(node, matrix, vector, is_transposed);
  }
  if (!is_complete_) return {outer, pool().constant(0)};
  const std::vector<Axis> across = column_axes(rows, columns);
  if (is_transposed) {
    Expr sum = matrix.expr * vector.expr;
    for (const Axis& axis : axes_of(rows)) sum = pool().sum(axis, sum);
    return {outer, renamed(sum, across, axes_of(columns))};
  }
  Expr sum = matrix.expr * renamed(vector.expr, axes_of(columns), across);
  for (const Axis& axis : across) sum = pool().sum(axis, sum);
  return {outer, sum};
}

FormulaValue FormulaBuilder::written_out_product(const FormulaNode& node,
                                                 const FormulaValue& matrix,
                                                 const FormulaValue& vector,
                                                 bool is_transposed) {
  const int64_t inner = vector.width;
  const int64_t outer = matrix.width / inner;
  const std::vector<Expr> entries = elements(matrix, node, kLargestMatrix);
  std::vector<Expr> list;
  for (int64_t r = 0; r < outer; ++r) {
    std::vector<Expr> terms;
    for (int64_t c = 0; c < inner; ++c) {
      const int64_t at = is_transposed ? c * outer + r : r * inner + c;
      terms.push_back(entries[static_cast<std::size_t>(at)] *
                      element(vector, c));
    }
    list.push_back(pool().add(terms));
  }
  return from_list(list, node);
}

FormulaValue FormulaBuilder::outer_product(const FormulaNode& node,
                                           const FormulaValue& a,
                                           const FormulaValue& b) {
  if (a.width == 1 || b.width == 1) return elementwise(node, {a, b}, "a*b");
  const int64_t width = a.width * b.width;
  if (is_matrix(a.width, b.width)) {
    if (!is_complete_) return {width, pool().constant(0)};
    const std::vector<Axis> across = column_axes(a.width, b.width);
    return {width, a.expr * renamed(b.expr, axes_of(b.width), across)};
  }
  std::vector<Expr> products;
  const std::vector<Expr> others = elements(b, node, kLongestFormulaList);
  for (const Expr& each : elements(a, node, kLongestFormulaList)) {
    for (const Expr& other : others) products.push_back(each * other);
  }
  return from_list(products, node);
}

FormulaValue FormulaBuilder::extremum(const FormulaNode& node,
                                      const FormulaValue& vector, double sign) {
  std::vector<Expr> list;
  for (const Expr& each : elements(vector, node, kLongestFormulaList)) {
    list.push_back(pool().constant(sign) * each);
  }
  return {1, pool().constant(sign) * pool().maximum(list)};
}

FormulaValue FormulaBuilder::gradient(const FormulaNode& node) {
  const FormulaValue function = value(*node.operands[0]);
  const FormulaValue cotangent = value(*node.operands[2]);
  if (cotangent.width != function.width && cotangent.width != 1) {
    fail(node, concat("expected a first and a last operand of one width, got ",
                      function.width, " and ", cotangent.width));
  }
  const ArraySpec& array = indexed_argument(*node.operands[1]);
  // What was loaded before a matrix was found has other axes.
  if (!is_complete_) return {array.width(), pool().constant(0)};
  const Expr slopes = gramless::gradient(function.expr, cotangent.expr,
                                         axes_of(function.width), array);
  const std::vector<Index> columns = columns_of(array);
  std::map<Axis, Index> names;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    names.emplace(array.features[k], columns[k]);
  }
  return {array.width(), pool().rename(slopes, names)};
}

int64_t FormulaBuilder::integer(const FormulaNode& node, std::size_t operand,
                                int64_t least, int64_t most) {
  const FormulaNode& place = *node.operands[operand];
  const auto number = static_cast<int64_t>(*literal(place));
  if (number >= least && number <= most) return number;
  if (least <= most) {
    fail(place, concat("expected a number between ", least, " and ", most,
                       " in '", node.row->name, "', got ", number));
  }
  fail(node, concat("expected fewer components in '", node.row->name, "'"));
}

Expr FormulaBuilder::renamed(Expr expr, const std::vector<Axis>& from,
                             const std::vector<Axis>& to) {
  std::map<Axis, Index> names;
  for (std::size_t k = 0; k < from.size(); ++k) names.emplace(from[k], to[k]);
  return pool().rename(expr, names);
}

Expr FormulaBuilder::element(const FormulaValue& vector, int64_t position) {
  const std::vector<Axis> axes = axes_of(vector.width);
  std::map<Axis, Index> names;
  for (std::size_t k = axes.size(); k-- > 0;) {
    names.emplace(axes[k], position % axes[k].extent);
    position /= axes[k].extent;
  }
  return pool().rename(vector.expr, names);
}

std::vector<Expr> FormulaBuilder::elements(const FormulaValue& vector,
                                           const FormulaNode& node,
                                           int64_t most) {
  check_length(vector.width, most, node);
  std::vector<Expr> list;
  for (int64_t k = 0; k < vector.width; ++k) {
    list.push_back(element(vector, k));
  }
  return list;
}

FormulaValue FormulaBuilder::from_list(const std::vector<Expr>& list,
                                       const FormulaNode& node, int64_t most) {
  const auto width = static_cast<int64_t>(list.size());
  check_length(width, most, node);
  return {width, listed(list, axes_of(width))};
}

/// Returns what takes one of a list at each position on some axes.
Expr FormulaBuilder::listed(std::span<const Expr> list,
                            std::span<const Axis> axes) {
  if (axes.empty()) return list[0];
  const Axis& axis = axes[0];
  const std::size_t part = list.size() / static_cast<std::size_t>(axis.extent);
  const auto at = [&](int64_t position) {
    const std::size_t begin = static_cast<std::size_t>(position) * part;
    return listed(list.subspan(begin, part), axes.subspan(1));
  };
  Expr result = at(axis.extent - 1);
  for (int64_t k = axis.extent - 1; k-- > 0;) {
    result =
        pool().apply(Function::select, {pool().at(axis, k), at(k), result});
  }
  return result;
}

void FormulaBuilder::check_length(int64_t length, int64_t most,
                                  const FormulaNode& node) {
  if (length > 0 && length <= most) return;
  try {
    fail(node, concat("expected between 1 and ", most,
                      " components where they are written out, got ", length));
  } catch (const ArgumentError& error) {
    throw UnsupportedError(error.what());
  }
}

}  // namespace gramless
