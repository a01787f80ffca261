// SPDX-License-Identifier: MIT
// Finds signs by the table of functions.
#include "gramless/formula/signs.h"

#include <algorithm>

#include "gramless/error.h"
#include "gramless/ir/reader.h"

namespace gramless {
namespace {

bool are_nonnegative(const std::vector<Known>& operands) {
  return std::all_of(operands.begin(), operands.end(),
                     [](const Known& each) { return each.is_nonnegative; });
}

/// Returns an expression that stands for an operand: its number, or a value of
/// which no more than its sign is known.
Expr stand_in(ExprPool& pool, const Known& operand, std::size_t position,
              bool has_number) {
  if (has_number || operand.is_literal) return pool.constant(*operand.value);
  const Expr value = pool.load("a", {static_cast<int64_t>(position)});
  return operand.is_nonnegative ? pool.apply(Function::abs, value) : value;
}

std::vector<Expr> stand_ins(ExprPool& pool,
                            const std::vector<Known>& operands) {
  const bool are_numbers =
      std::all_of(operands.begin(), operands.end(),
                  [](const Known& each) { return each.value.has_value(); });
  std::vector<Expr> result;
  for (const Known& operand : operands) {
    result.push_back(stand_in(pool, operand, result.size(), are_numbers));
  }
  return result;
}

}  // namespace

Known known_number(double value) { return {value >= 0, value}; }

Known known_of(std::string_view text, const std::vector<Known>& operands) {
  ExprPool pool;
  Names names;
  names.values = operand_names(stand_ins(pool, operands));
  const Expr result = read_expr(pool, text, names);
  return result->is_constant() ? known_number(result->value)
                               : Known{is_nonnegative(result)};
}

Known known_of(const FormulaOperator& row, const std::vector<Known>& operands) {
  switch (row.kind) {
    case FormulaKind::elementwise:
      return known_of(row.text, operands);
    case FormulaKind::contraction: {
      const Known sum{known_of(row.text, operands).is_nonnegative};
      return row.after.empty() ? sum : known_of(row.after, {sum});
    }
    case FormulaKind::constant:
      return row.text.empty() ? Known{true} : known_of(row.text, operands);
    case FormulaKind::one_hot:
      return {true};
    // A metric may be negative, a slope may be.
    case FormulaKind::weighted:
    case FormulaKind::gradient:
      return {};
    // These pick, repeat, multiply or add components.
    case FormulaKind::normalized:
    case FormulaKind::repeat:
    case FormulaKind::largest:
    case FormulaKind::smallest:
    case FormulaKind::element:
    case FormulaKind::place:
    case FormulaKind::extract:
    case FormulaKind::insert:
    case FormulaKind::concat:
    case FormulaKind::matrix:
    case FormulaKind::transpose:
    case FormulaKind::outer:
      return {are_nonnegative(operands)};
  }
  throw InternalError("known_of(): unknown kind of operator.");
}

std::string sign_text(const FormulaOperator& row) {
  const auto is_nonnegative_for = [&](bool operands) {
    std::vector<Known> known;
    for (const char kind : row.operands) {
      // An odd number, where one has to be written out.
      const bool is_literal =
          kind != 'f' && kind != 's' && row.kind != FormulaKind::constant;
      known.push_back(is_literal ? Known{true, 3, true} : Known{operands});
    }
    return known_of(row, known).is_nonnegative;
  };
  return is_nonnegative_for(false)  ? "nonnegative"
         : is_nonnegative_for(true) ? "as operands"
                                    : "";
}

}  // namespace gramless
