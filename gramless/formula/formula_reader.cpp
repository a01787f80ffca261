// SPDX-License-Identifier: MIT
// Checks formulas against the table of operators.
#include "gramless/formula/parsed_formula.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/atoms.h"
#include "gramless/formula/signs.h"

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
  Checker(const Source& source, FormulaOwner owner, FormulaVariables& variables)
      : source_(source), owner_(owner), variables_(variables) {}

  Known check(const Syntax& tree) {
    return fold_chain(
        tree, [&](const Syntax& operand) { return check_operand(operand); },
        [](const Syntax& node, Known left, Known right) {
          const Known result =
              known_of(operator_text(node.kind), {left, right});
          return node.kind == SyntaxKind::dot ? Known{result.is_nonnegative}
                                              : result;
        });
  }

 private:
  Known check_operand(const Syntax& tree) {
    switch (tree.kind) {
      case SyntaxKind::number:
        return known_number(tree.number);
      case SyntaxKind::name:
        check_name(tree);
        return {};
      case SyntaxKind::call:
        return check_call(tree);
      case SyntaxKind::element:
        fail_at(source_, tree,
                "expected round brackets behind an operator, got '['");
      case SyntaxKind::power:
        check_exponent(tree);
        return known_power(check(tree.operands[0]), tree.number);
      case SyntaxKind::negate:
        return known_of(operator_text(tree.kind), {check(tree.operands[0])});
      case SyntaxKind::add:
      case SyntaxKind::subtract:
      case SyntaxKind::multiply:
      case SyntaxKind::divide:
      case SyntaxKind::dot:
        break;
    }
    return check(tree);
  }

  void check_name(const Syntax& tree) {
    if (variables_.contains(tree.name)) return;
    if (owner_ == FormulaOwner::kernel) {
      if (const auto variable = numbered_variable(tree.name)) {
        variables_.emplace(tree.name, *variable);
        return;
      }
    }
    const bool is_operator = find_operator(tree.name) != nullptr;
    fail_at(source_, tree,
            concat("expected a variable, got ", quoted(tree.name)),
            is_operator ? " Operators take their operands in brackets."
            : owner_ != FormulaOwner::kernel
                ? " The variables are '{X}', '{Y}', '{G}' and '{H}'."
                : " The variables are 'X_0', 'X_1', ..., 'Y_0', ..., "
                  "'G_0', ..., up to 99.");
  }

  void check_exponent(const Syntax& tree) {
    if (std::abs(tree.number) <= kLargestPower) return;
    fail_at(source_, tree,
            concat("expected an exponent between -1024 and 1024, got ",
                   number_text(tree.number)));
  }

  [[nodiscard]] const FormulaOperator* find_operator(
      std::string_view name) const {
    return find_formula_operator(name, owner_ == FormulaOwner::engine);
  }

  Known check_call(const Syntax& tree) {
    const FormulaOperator* row = find_operator(tree.name);
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
    std::vector<Known> operands;
    for (std::size_t k = 0; k < count; ++k) {
      operands.push_back(
          check_operand(*row, row->operands[k], tree.operands[k]));
    }
    if (row->name == "Pow" &&
        std::abs(*literal(tree.operands[1])) > kLargestPower) {
      fail_at(source_, tree.operands[1],
              "expected an exponent between -1024 and 1024");
    }
    return known_of(*row, operands);
  }

  Known check_operand(const FormulaOperator& row, char kind,
                      const Syntax& operand) {
    if (kind == 'f' || kind == 's') return check(operand);
    if (kind == 'v') {
      if (operand.kind == SyntaxKind::name) return check(operand);
      fail_at(source_, operand,
              concat("expected a variable as an operand of '", row.name, "'"));
    }
    const std::optional<double> number = literal(operand);
    const bool is_integer = number && *number == std::trunc(*number) &&
                            std::abs(*number) <= kLargestInteger;
    if (number && (kind == 'r' || is_integer)) {
      return {*number >= 0, number, true};
    }
    fail_at(source_, operand,
            concat("expected ", kind == 'r' ? "a number" : "an integer",
                   " as an operand of '", row.name, "'"));
  }

  static constexpr double kLargestPower = 1024;
  static constexpr double kLargestInteger = 1e9;

  const Source& source_;
  FormulaOwner owner_;
  FormulaVariables& variables_;
};

}  // namespace

std::optional<double> literal(const Syntax& tree) {
  if (tree.kind == SyntaxKind::number) return tree.number;
  if (tree.kind != SyntaxKind::negate) return std::nullopt;
  const std::optional<double> number = literal(tree.operands[0]);
  return number ? std::optional(-*number) : std::nullopt;
}

FormulaVariables atom_variables(std::size_t pair, std::size_t slot) {
  FormulaVariables variables = {{"{X}", {'x', pair}}, {"{Y}", {'y', pair}}};
  for (const std::string_view name : kParameterNames) {
    variables.emplace(name, FormulaVariable{'g', slot++});
  }
  return variables;
}

std::shared_ptr<const ParsedFormula> parse_formula(
    const std::string& text, const std::string& function, FormulaOwner owner,
    FormulaVariables& variables) {
  auto parsed = std::make_shared<ParsedFormula>();
  parsed->source = {text, function, false, true};
  parsed->tree = parse_syntax(parsed->source);
  parsed->is_nonnegative = Checker(parsed->source, owner, variables)
                               .check(parsed->tree)
                               .is_nonnegative;
  return parsed;
}

}  // namespace gramless
