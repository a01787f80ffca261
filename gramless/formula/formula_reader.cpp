// SPDX-License-Identifier: MIT
// Reads formulas by the table of operators.
#include "gramless/formula/formula_reader.h"

#include <algorithm>
#include <charconv>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/atoms.h"

namespace gramless {
namespace {

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

/// Returns what a name in the formula of an atom stands for.
std::optional<FormulaVariable> atom_variable(std::string_view name) {
  if (name == "{X}") return FormulaVariable{'x', 0};
  if (name == "{Y}") return FormulaVariable{'y', 0};
  const auto* const found =
      std::find(kParameterNames.begin(), kParameterNames.end(), name);
  if (found == kParameterNames.end()) return std::nullopt;
  return FormulaVariable{
      'g', static_cast<std::size_t>(found - kParameterNames.begin())};
}

class FormulaReader : public TreeReader {
 public:
  FormulaReader(const Source& source, FormulaOwner owner)
      : TreeReader(source), owner_(owner) {}

 private:
  FormulaPointer read_leaf(const Syntax& tree) override {
    if (tree.kind == SyntaxKind::name) return read_name(tree);
    if (tree.kind == SyntaxKind::call) return read_call(tree);
    fail_at(source(), tree,
            "expected round brackets behind an operator, got '['");
  }

  FormulaPointer read_name(const Syntax& tree) {
    const bool is_whole = owner_ == FormulaOwner::kernel;
    const std::optional<FormulaVariable> variable =
        is_whole ? numbered_variable(tree.name) : atom_variable(tree.name);
    if (variable) {
      return make_variable(*variable, tree.name, {tree.begin, tree.end});
    }
    const bool is_operator = find_operator(tree.name) != nullptr;
    fail_at(source(), tree,
            concat("expected a variable, got ", quoted(tree.name)),
            is_operator ? " Operators take their operands in brackets."
            : is_whole  ? " The variables are 'X_0', 'X_1', ..., 'Y_0', ..., "
                          "'G_0', ..., up to 99."
                        : " The variables are '{X}', '{Y}', '{G}' and '{H}'.");
  }

  [[nodiscard]] const FormulaOperator* find_operator(
      std::string_view name) const {
    return find_formula_operator(name, owner_ == FormulaOwner::engine);
  }

  FormulaPointer read_call(const Syntax& tree) {
    const FormulaOperator* row = find_operator(tree.name);
    if (row == nullptr) {
      fail_at(
          source(), tree.begin, tree.begin + tree.name.size(),
          concat("expected the name of an operator, got ", quoted(tree.name)),
          did_you_mean(tree.name, formula_operator_names()));
    }
    const std::size_t count = row->operands.size();
    if (tree.operands.size() != count) {
      fail_at(source(), tree,
              concat("expected ", count, " operand", count == 1 ? "" : "s",
                     " of '", row->name, "', got ", tree.operands.size()));
    }
    std::vector<FormulaPointer> operands;
    for (const Syntax& operand : tree.operands) {
      operands.push_back(read(operand));
    }
    return checked_operation(tree, *row, std::move(operands));
  }

  FormulaOwner owner_;
};

}  // namespace

FormulaPointer TreeReader::checked_operation(
    const Syntax& tree, const FormulaOperator& row,
    std::vector<FormulaPointer> operands) {
  if (const auto wrong = wrong_operand(row, operands)) {
    // The exponent of `a**2` has no place of its own.
    const bool has_place = wrong->position < tree.operands.size();
    fail_at(source_, has_place ? tree.operands[wrong->position] : tree,
            concat("expected ", wrong->expected));
  }
  return make_operation(row, std::move(operands), {tree.begin, tree.end});
}

FormulaPointer TreeReader::read(const Syntax& tree) {
  return fold_chain(
      tree, [&](const Syntax& operand) { return read_operand(operand); },
      [&](const Syntax& node, FormulaPointer left, FormulaPointer right) {
        return make_operation(operator_row(node.kind),
                              {std::move(left), std::move(right)},
                              {node.begin, node.end});
      });
}

FormulaPointer TreeReader::read_operand(const Syntax& tree) {
  const Place place{tree.begin, tree.end};
  switch (tree.kind) {
    case SyntaxKind::number:
      return make_number(tree.number, place);
    case SyntaxKind::name:
    case SyntaxKind::call:
    case SyntaxKind::element:
      return read_leaf(tree);
    case SyntaxKind::power: {
      FormulaPointer base = read(tree.operands[0]);
      check_power(tree, *base);
      return checked_operation(
          tree, operator_row(tree.kind),
          {std::move(base), make_number(tree.number, place)});
    }
    case SyntaxKind::negate:
      return make_operation(operator_row(tree.kind), {read(tree.operands[0])},
                            place);
    case SyntaxKind::add:
    case SyntaxKind::subtract:
    case SyntaxKind::multiply:
    case SyntaxKind::divide:
    case SyntaxKind::dot:
      break;
  }
  return read(tree);
}

ParsedFormula read_formula(const std::string& text, const std::string& function,
                           FormulaOwner owner) {
  ParsedFormula result;
  result.source = {text, function, false, true};
  const Syntax tree = parse_syntax(result.source);
  result.root = FormulaReader(result.source, owner).read(tree);
  return result;
}

}  // namespace gramless
