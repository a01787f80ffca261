// SPDX-License-Identifier: MIT
// Checks formulas against the table of operators.
#include "gramless/name/own_formula.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/name/formula_operators.h"

namespace gramless {
namespace {

/// Arguments of a kernel by formula, at most, of each kind.
constexpr std::size_t kMostVariables = 100;

/// Returns what a name such as X_12 stands for.
std::optional<FormulaVariable> numbered_variable(std::string_view name) {
  if (name.size() < 3 || name[1] != '_') return std::nullopt;
  const std::size_t kind = std::string_view("XYG").find(name[0]);
  if (kind == std::string_view::npos) return std::nullopt;
  std::size_t number = 0;
  const char* const end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + 2, end, number);
  const bool is_plain = read.ec == std::errc() && read.ptr == end &&
                        (name[2] != '0' || name.size() == 3) &&
                        number < kMostVariables;
  if (!is_plain) return std::nullopt;
  return FormulaVariable{"xyg"[kind], number};
}

class Checker {
 public:
  Checker(const Source& source, bool is_atom, FormulaVariables& variables)
      : source_(source), is_atom_(is_atom), variables_(variables) {}

  void check(const Syntax& tree) {
    switch (tree.kind) {
      case SyntaxKind::name:
        return check_name(tree);
      case SyntaxKind::call:
        return check_call(tree);
      case SyntaxKind::element:
        fail_at(source_, tree,
                "expected round brackets behind an operator, got '['");
      case SyntaxKind::power:
        check_exponent(tree);
        break;
      case SyntaxKind::number:
      case SyntaxKind::negate:
      case SyntaxKind::add:
      case SyntaxKind::subtract:
      case SyntaxKind::multiply:
      case SyntaxKind::divide:
      case SyntaxKind::dot:
        break;
    }
    for (const Syntax& operand : tree.operands) check(operand);
  }

 private:
  void check_name(const Syntax& tree) {
    if (variables_.contains(tree.name)) return;
    if (!is_atom_) {
      if (const auto variable = numbered_variable(tree.name)) {
        variables_.emplace(tree.name, *variable);
        return;
      }
    }
    const bool is_operator = find_formula_operator(tree.name) != nullptr;
    fail_at(source_, tree,
            concat("expected a variable, got ", quoted(tree.name)),
            is_operator ? " Operators take their operands in brackets."
            : is_atom_  ? " The variables are '{X}', '{Y}' and '{G}'."
                        : " The variables are 'X_0', 'X_1', ..., 'Y_0', ..., "
                          "'G_0', ..., up to 99.");
  }

  void check_exponent(const Syntax& tree) {
    if (std::abs(tree.number) <= kLargestPower) return;
    fail_at(source_, tree,
            concat("expected an exponent between -1024 and 1024, got ",
                   number_text(tree.number)));
  }

  void check_call(const Syntax& tree) {
    const FormulaOperator* row = find_formula_operator(tree.name);
    if (row == nullptr) {
      fail_at(
          source_, tree.begin, tree.begin + tree.name.size(),
          concat("expected the name of an operator, got ", quoted(tree.name)),
          did_you_mean(tree.name, formula_operator_names()));
    }
    const std::size_t count = row->operands.size();
    if (tree.operands.size() != count) {
      fail_at(source_, tree,
              concat("expected ", count, " operand", count == 1 ? "" : "s",
                     " of '", row->name, "', got ", tree.operands.size()));
    }
    for (std::size_t k = 0; k < count; ++k) {
      check_operand(*row, row->operands[k], tree.operands[k]);
    }
    if (row->name == "Pow" &&
        std::abs(*literal(tree.operands[1])) > kLargestPower) {
      fail_at(source_, tree.operands[1],
              "expected an exponent between -1024 and 1024");
    }
  }

  void check_operand(const FormulaOperator& row, char kind,
                     const Syntax& operand) {
    if (kind == 'f' || kind == 's') return check(operand);
    if (kind == 'v') {
      if (operand.kind == SyntaxKind::name) return check_name(operand);
      fail_at(source_, operand,
              concat("expected a variable as an operand of '", row.name, "'"));
    }
    const std::optional<double> number = literal(operand);
    const bool is_integer = number && *number == std::trunc(*number) &&
                            std::abs(*number) <= kLargestInteger;
    if (number && (kind == 'r' || is_integer)) return;
    fail_at(source_, operand,
            concat("expected ", kind == 'r' ? "a number" : "an integer",
                   " as an operand of '", row.name, "'"));
  }

  static constexpr double kLargestPower = 1024;
  static constexpr double kLargestInteger = 1e9;

  const Source& source_;
  bool is_atom_;
  FormulaVariables& variables_;
};

bool all_nonnegative(const std::vector<Syntax>& operands) {
  return std::all_of(operands.begin(), operands.end(), is_nonnegative);
}

}  // namespace

std::optional<double> literal(const Syntax& tree) {
  if (tree.kind == SyntaxKind::number) return tree.number;
  if (tree.kind != SyntaxKind::negate) return std::nullopt;
  const std::optional<double> number = literal(tree.operands[0]);
  return number ? std::optional(-*number) : std::nullopt;
}

bool is_nonnegative(const Syntax& tree) {
  switch (tree.kind) {
    case SyntaxKind::number:
      return tree.number >= 0;
    case SyntaxKind::add:
    case SyntaxKind::multiply:
    case SyntaxKind::divide:
      return all_nonnegative(tree.operands);
    case SyntaxKind::power:
      return std::fmod(tree.number, 2) == 0 || all_nonnegative(tree.operands);
    case SyntaxKind::call: {
      const FormulaSign sign = find_formula_operator(tree.name)->sign;
      return sign == FormulaSign::nonnegative ||
             (sign == FormulaSign::as_operands &&
              all_nonnegative(tree.operands));
    }
    case SyntaxKind::name:
    case SyntaxKind::element:
    case SyntaxKind::negate:
    case SyntaxKind::subtract:
    case SyntaxKind::dot:
      return false;
  }
  throw InternalError("is_nonnegative(): unknown kind of syntax.");
}

std::shared_ptr<const ParsedFormula> parse_formula(
    const std::string& text, const std::string& function, bool is_atom,
    FormulaVariables& variables) {
  auto parsed = std::make_shared<ParsedFormula>();
  parsed->source = {text, function, false, true};
  parsed->tree = parse_syntax(parsed->source);
  Checker(parsed->source, is_atom, variables).check(parsed->tree);
  return parsed;
}

}  // namespace gramless
