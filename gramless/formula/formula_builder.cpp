// SPDX-License-Identifier: MIT
// Implements the builder of formulas.
#include "gramless/formula/formula_builder.h"

#include <algorithm>
#include <numeric>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/ir/reader.h"

namespace gramless {

FormulaBuilder::FormulaBuilder(MapReduce& result, const ParsedFormula& formula,
                               AtomUse use, bool has_logarithm_first)
    : result_(result),
      formula_(formula),
      use_(std::move(use)),
      has_logarithm_first_(has_logarithm_first) {}

void FormulaBuilder::fail(const FormulaNode& node, const std::string& problem) {
  fail_at(formula_, node, "kernel_product()", problem);
}

/// Returns the points of an atom that have as many columns, or nothing.
const ArraySpec* FormulaBuilder::points_of(int64_t width) const {
  if (!is_in_name()) return nullptr;
  for (const char kind : {'x', 'y'}) {
    const ArraySpec& array = argument_of({kind, 0});
    if (array.width() == width) return &array;
  }
  return nullptr;
}

std::vector<Axis> FormulaBuilder::axes_of(int64_t width) const {
  if (width == 1) return {};
  if (const ArraySpec* points = points_of(width)) return points->features;
  const auto matrix = matrices_.find(width);
  if (matrix == matrices_.end()) return {{concat("c", width), 0, width}};
  const auto [rows, columns] = matrix->second;
  std::vector<Axis> axes = axes_of(rows);
  for (Axis& axis : column_axes(rows, columns)) axes.push_back(std::move(axis));
  return axes;
}

std::vector<Axis> FormulaBuilder::column_axes(int64_t rows,
                                              int64_t columns) const {
  std::map<std::string, int> primes;
  for (const Axis& axis : axes_of(rows)) {
    primes[axis.name] = std::max(primes[axis.name], axis.primes + 1);
  }
  std::vector<Axis> axes = axes_of(columns);
  for (Axis& axis : axes) axis.primes += primes[axis.name];
  return axes;
}

bool FormulaBuilder::is_matrix(int64_t rows, int64_t columns) {
  const int64_t width = rows * columns;
  if (rows < 2 || columns < 2 || points_of(width) != nullptr) return false;
  const std::pair shape(rows, columns);
  const auto [known, is_new] = matrices_.emplace(width, shape);
  is_complete_ = is_complete_ && !is_new;
  return known->second == shape;
}

Expr FormulaBuilder::scalar(const FormulaNode& node) {
  const FormulaValue result = value(node);
  if (result.width == 1) return result.expr;
  fail(node,
       concat("expected a value of width 1, got one of width ", result.width));
}

// Each matrix that is found changes the axes of its width, so that all is built
// again until no new one is found.
Expr FormulaBuilder::build() {
  while (true) {
    is_complete_ = true;
    const Expr result = scalar(*formula_.root);
    if (is_complete_) return result;
  }
}

FormulaValue FormulaBuilder::value(const FormulaNode& node) {
  return fold_chain(
      node, [&](const FormulaNode& each) { return operand(each); },
      [&](const FormulaNode& link, const FormulaValue& left,
          const FormulaValue& right) {
        return elementwise(link, {left, right}, link.row->text);
      });
}

FormulaValue FormulaBuilder::operand(const FormulaNode& node) {
  switch (node.kind) {
    case FormulaNode::Kind::number:
      return {1, pool().constant(node.number)};
    case FormulaNode::Kind::variable:
      return variable(node);
    case FormulaNode::Kind::operation:
      return operation(node);
    case FormulaNode::Kind::atom:
      return {1, atom(node.use)};
  }
  throw InternalError("operand(): unknown kind of node.");
}

Expr FormulaBuilder::atom(const AtomUse& use) {
  const Atom& atom = *use.atom;
  const auto built = [&](const ParsedFormula& formula) {
    return FormulaBuilder(result_, formula, use, has_logarithm_first_).build();
  };
  if (atom.log && (has_logarithm_first_ || !atom.sum)) {
    return pool().apply(Function::exp, built(*atom.log));
  }
  // A kernel of routines alone runs on no engine.
  return atom.sum ? built(*atom.sum) : pool().constant(1);
}

ArraySpec& FormulaBuilder::argument_of(const FormulaVariable& variable) const {
  const std::size_t first = variable.kind == 'g' ? use_.slot : use_.pair;
  const std::string name = concat(variable.kind, first + variable.number);
  const auto found =
      std::find_if(result_.arguments.begin(), result_.arguments.end(),
                   [&](const ArraySpec& array) { return array.name == name; });
  if (found == result_.arguments.end()) {
    throw InternalError(concat("argument_of(): there is no '", name, "'."));
  }
  return *found;
}

/// Returns an argument, declared with the axes of its width unless atoms read
/// it.
ArraySpec& FormulaBuilder::indexed_argument(const FormulaNode& node) {
  ArraySpec& array = argument_of(node.variable);
  const bool is_shared = is_in_name() && node.variable.kind != 'g';
  const int64_t width = array.width();
  if (!is_shared && width != 1) array.features = axes_of(width);
  return array;
}

/// Returns the indices of an argument's columns, as a vector has them.
std::vector<Index> FormulaBuilder::columns_of(const ArraySpec& array) const {
  if (array.width() == 1) {
    return std::vector<Index>(array.features.size(), int64_t{0});
  }
  const std::vector<Axis> axes = axes_of(array.width());
  return {axes.begin(), axes.end()};
}

FormulaValue FormulaBuilder::variable(const FormulaNode& node) {
  const ArraySpec& array = indexed_argument(node);
  std::vector<Index> indices = columns_of(array);
  if (array.pair == PairIndex::i) indices.insert(indices.begin(), kAxisI);
  if (array.pair == PairIndex::j) indices.insert(indices.begin(), kAxisJ);
  return {array.width(), pool().load(array.name, std::move(indices))};
}

int64_t FormulaBuilder::common_width(const FormulaNode& node,
                                     const Values& operands) {
  int64_t width = 1;
  for (const FormulaValue& operand : operands) {
    if (operand.width == 1 || operand.width == width) continue;
    if (width == 1) {
      width = operand.width;
      continue;
    }
    fail(node, concat("expected operands of one width, got ", width, " and ",
                      operand.width));
  }
  return width;
}

FormulaValue FormulaBuilder::elementwise(const FormulaNode& node,
                                         const Values& operands,
                                         std::string_view text) {
  std::vector<Expr> exprs;
  for (const FormulaValue& operand : operands) exprs.push_back(operand.expr);
  Names names;
  names.values = operand_names(exprs);
  return {common_width(node, operands), read_expr(pool(), text, names)};
}

FormulaValue FormulaBuilder::contraction(const FormulaNode& node,
                                         const Values& operands,
                                         std::string_view text,
                                         std::string_view after) {
  const FormulaValue terms = elementwise(node, operands, text);
  Expr sum = terms.expr;
  const std::vector<Axis> axes = axes_of(terms.width);
  for (std::size_t k = axes.size(); k-- > 0;) sum = pool().sum(axes[k], sum);
  return elementwise(node, {{1, sum}}, after);
}

FormulaValue FormulaBuilder::operation(const FormulaNode& node) {
  const FormulaOperator& row = *node.row;
  if (row.kind == FormulaKind::gradient) return gradient(node);
  if (row.kind == FormulaKind::constant) {
    const double number = *literal(*node.operands[0]);
    if (row.text.empty()) {
      return {integer(node, 0, 1, kLongestFormulaList), pool().constant(0)};
    }
    return elementwise(node, {{1, pool().constant(number)}}, row.text);
  }
  if (row.kind == FormulaKind::weighted) return weighted(node, row.text);
  Values operands;
  for (std::size_t k = 0; k < row.operands.size(); ++k) {
    const char kind = row.operands[k];
    const FormulaNode& operand = *node.operands[k];
    if (kind == 'f') {
      operands.push_back(value(operand));
    } else if (kind == 's') {
      operands.push_back({1, scalar(operand)});
    } else {
      operands.push_back({1, pool().constant(*literal(operand))});
    }
  }
  return special(node, row, operands);
}

FormulaValue FormulaBuilder::special(const FormulaNode& node,
                                     const FormulaOperator& row,
                                     const Values& operands) {
  const FormulaValue& first = operands[0];
  switch (row.kind) {
    case FormulaKind::elementwise:
      return elementwise(node, operands, row.text);
    case FormulaKind::contraction:
      return contraction(node, operands, row.text,
                         row.after.empty() ? "a" : row.after);
    case FormulaKind::normalized:
      return elementwise(node, {first, contraction(node, operands, "a**2")},
                         row.text);
    case FormulaKind::repeat:
      return {integer(node, 1, 1, kLongestFormulaList), first.expr};
    case FormulaKind::largest:
      return extremum(node, first, 1);
    case FormulaKind::smallest:
      return extremum(node, first, -1);
    case FormulaKind::element:
      return {1, element(first, integer(node, 1, 0, first.width - 1))};
    case FormulaKind::matrix:
      return matrix_product(node, first, operands[1], false);
    case FormulaKind::transpose:
      return matrix_product(node, operands[1], first, true);
    case FormulaKind::outer:
      return outer_product(node, first, operands[1]);
    case FormulaKind::place:
    case FormulaKind::extract:
    case FormulaKind::insert:
    case FormulaKind::concat:
    case FormulaKind::one_hot:
      return from_list(list_of(node, row, operands), node);
    case FormulaKind::constant:
    case FormulaKind::weighted:
    case FormulaKind::gradient:
      break;
  }
  throw InternalError("special(): not an operator on values.");
}

/// Returns the components of an operator that is written out.
std::vector<Expr> FormulaBuilder::list_of(const FormulaNode& node,
                                          const FormulaOperator& row,
                                          const Values& operands) {
  const FormulaValue& first = operands[0];
  std::vector<Expr> list;
  if (row.kind == FormulaKind::place) {
    list.assign(
        static_cast<std::size_t>(integer(node, 1, 1, kLongestFormulaList)),
        pool().constant(0));
    const auto last = static_cast<int64_t>(list.size()) - 1;
    list[static_cast<std::size_t>(integer(node, 2, 0, last))] = first.expr;
  } else if (row.kind == FormulaKind::extract) {
    const int64_t begin = integer(node, 1, 0, first.width - 1);
    const int64_t count = integer(node, 2, 1, first.width - begin);
    for (int64_t k = 0; k < count; ++k) {
      list.push_back(element(first, begin + k));
    }
  } else if (row.kind == FormulaKind::insert) {
    const int64_t count = integer(node, 2, first.width, kLongestFormulaList);
    const int64_t begin = integer(node, 1, 0, count - first.width);
    for (int64_t k = 0; k < count; ++k) {
      const bool is_there = k >= begin && k < begin + first.width;
      list.push_back(is_there ? element(first, k - begin) : pool().constant(0));
    }
  } else if (row.kind == FormulaKind::one_hot) {
    const Expr position = pool().apply(Function::round, first.expr);
    const int64_t count = integer(node, 1, 1, kLongestFormulaList);
    for (int64_t k = 0; k < count; ++k) {
      const FormulaValue place{1, pool().constant(static_cast<double>(k))};
      list.push_back(
          elementwise(node, {{1, position}, place}, "step(a - b)*step(b - a)")
              .expr);
    }
  } else {
    list = elements(first, node, kLongestFormulaList);
    const std::vector<Expr> others =
        elements(operands[1], node, kLongestFormulaList);
    list.insert(list.end(), others.begin(), others.end());
  }
  return list;
}

}  // namespace gramless
