// SPDX-License-Identifier: MIT
// Implements what the builder of formulas does with whole vectors.
#include <numeric>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/name/formula_builder.h"
#include "gramless/transform/derivative.h"

namespace gramless {

FormulaValue FormulaBuilder::weighted(const Syntax& tree,
                                      std::string_view text) {
  const Syntax& metric = tree.operands[0];
  const bool is_variable = metric.kind == SyntaxKind::name;
  // To load a plain argument would decide its axes.
  const FormulaValue weight = is_variable ? FormulaValue{} : value(metric);
  Values vectors;
  for (std::size_t k = 1; k < tree.operands.size(); ++k) {
    vectors.push_back(value(tree.operands[k]));
  }
  const FormulaValue vector = elementwise(tree, vectors, text);
  if (!is_variable) return quadratic_form(tree, weight, vector);
  ArraySpec& array = argument_of(metric);
  if (!is_matrix_over(array, vector.width)) {
    return quadratic_form(tree, variable(metric), vector);
  }
  const Axis row = array.features[0];
  const Axis column = array.features[1];
  const Expr other = pool().rename(vector.expr, {{row, column}});
  const Expr product = pool().sum(column, load(pool(), array) * other);
  return {1, pool().sum(row, vector.expr * product)};
}

/// Returns whether an argument is indexed by the rows and columns of a matrix,
/// and makes it so if it has as many columns and was not loaded before.
bool FormulaBuilder::is_matrix_over(ArraySpec& array, int64_t width) {
  if (width < 2 || array.columns() != width * width) return false;
  const Axis row = axis_of(width);
  const std::vector<Axis> axes = {row, {row.name, 1, width}};
  const bool is_free = array.name[0] == 'g' && array.features.size() == 1 &&
                       array.features[0] != axis_of(array.columns());
  if (is_free) array.features = axes;
  return array.features == axes;
}

FormulaValue FormulaBuilder::quadratic_form(const Syntax& tree,
                                            const FormulaValue& metric,
                                            const FormulaValue& vector) {
  if (metric.width == 1 || metric.width == vector.width) {
    return contraction(tree, {metric, vector}, "a*b**2");
  }
  if (metric.width != vector.width * vector.width) {
    fail_at(source_, tree,
            concat("expected a metric of width 1, ", vector.width, " or ",
                   vector.width * vector.width, ", got ", metric.width));
  }
  const FormulaValue rotated = matrix_product(tree, metric, vector, false);
  return contraction(tree, {vector, rotated}, "a*b");
}

FormulaValue FormulaBuilder::matrix_product(const Syntax& tree,
                                            const FormulaValue& matrix,
                                            const FormulaValue& vector,
                                            bool is_transposed) {
  if (vector.width == 0 || matrix.width % vector.width != 0) {
    fail_at(source_, tree,
            concat("expected a matrix with a multiple of ", vector.width,
                   " entries, got ", matrix.width));
  }
  const int64_t inner = vector.width;
  const int64_t outer = matrix.width / inner;
  const std::vector<Expr> entries = elements(matrix, tree, kLargestMatrix);
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
  return from_list(list, tree);
}

FormulaValue FormulaBuilder::extremum(const Syntax& tree,
                                      const FormulaValue& vector, double sign) {
  std::vector<Expr> list;
  for (const Expr& each : elements(vector, tree, kLongestFormulaList)) {
    list.push_back(pool().constant(sign) * each);
  }
  return {1, pool().constant(sign) * pool().maximum(list)};
}

FormulaValue FormulaBuilder::gradient(const Syntax& tree) {
  const FormulaValue function = value(tree.operands[0]);
  const FormulaValue cotangent = value(tree.operands[2]);
  if (cotangent.width != function.width && cotangent.width != 1) {
    fail_at(source_, tree,
            concat("expected a first and a last operand of one width, got ",
                   function.width, " and ", cotangent.width));
  }
  std::vector<Axis> axes;
  if (function.width != 1) axes.push_back(axis_of(function.width));
  const ArraySpec& array = argument_of(tree.operands[1]);
  const Expr slopes =
      gramless::gradient(function.expr, cotangent.expr, axes, array);
  return of_argument(
      array,
      [&](const std::vector<Index>& features) {
        std::map<Axis, Index> names;
        for (std::size_t k = 0; k < features.size(); ++k) {
          names.emplace(array.features[k], features[k]);
        }
        return pool().rename(slopes, names);
      },
      tree);
}

int64_t FormulaBuilder::integer(const Syntax& tree, std::size_t operand,
                                int64_t least, int64_t most) {
  const Syntax& place = tree.operands[operand];
  const auto number = static_cast<int64_t>(*literal(place));
  if (number >= least && number <= most) return number;
  if (least <= most) {
    fail_at(source_, place,
            concat("expected a number between ", least, " and ", most, " in '",
                   tree.name, "', got ", number));
  }
  fail_at(source_, tree,
          concat("expected fewer components in '", tree.name, "'"));
}

Expr FormulaBuilder::element(const FormulaValue& vector, int64_t position) {
  if (vector.width == 1) return vector.expr;
  return pool().rename(vector.expr, {{axis_of(vector.width), position}});
}

std::vector<Expr> FormulaBuilder::elements(const FormulaValue& vector,
                                           const Syntax& tree, int64_t most) {
  check_length(vector.width, most, tree);
  std::vector<Expr> list;
  for (int64_t k = 0; k < vector.width; ++k) {
    list.push_back(element(vector, k));
  }
  return list;
}

FormulaValue FormulaBuilder::from_list(const std::vector<Expr>& list,
                                       const Syntax& tree, int64_t most) {
  const auto width = static_cast<int64_t>(list.size());
  check_length(width, most, tree);
  Expr result = list.back();
  for (int64_t k = width - 1; k-- > 0;) {
    const Expr is_there = pool().at(axis_of(width), k);
    result =
        pool().apply(Function::select,
                     {is_there, list[static_cast<std::size_t>(k)], result});
  }
  return {width, result};
}

void FormulaBuilder::check_length(int64_t length, int64_t most,
                                  const Syntax& tree) {
  if (length > 0 && length <= most) return;
  try {
    fail_at(source_, tree,
            concat("expected between 1 and ", most,
                   " components where they are written out, got ", length));
  } catch (const ArgumentError& error) {
    throw UnsupportedError(error.what());
  }
}

}  // namespace gramless
