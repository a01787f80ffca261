// SPDX-License-Identifier: MIT
// Makes formulas by calls.
#include "gramless/formula.h"

#include <cmath>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/formula_reader.h"
#include "gramless/formula/node.h"

namespace gramless {
namespace {

void require(bool condition, const std::string& expected) {
  if (condition) return;
  throw ArgumentError(concat("Formula(): expected ", expected));
}

FormulaPointer checked_operation(const FormulaOperator& row,
                                 std::vector<FormulaPointer> operands) {
  if (const auto wrong = wrong_operand(row, operands)) {
    require(false, wrong->expected + ".");
  }
  return make_operation(row, std::move(operands));
}

FormulaPointer binary(SyntaxKind kind, const Formula& a, const Formula& b) {
  return make_operation(operator_row(kind), {a.node(), b.node()});
}

FormulaPointer argument(char kind, char letter, std::size_t number) {
  require(number < kMostVariables,
          concat("the number of an argument, up to ", kMostVariables - 1,
                 ", got ", number, "."));
  return make_variable({kind, number}, concat(letter, "_", number));
}

}  // namespace

Formula::Formula(std::shared_ptr<const FormulaNode> node)
    : node_(std::move(node)) {
  require(node_->leaves <= kMostLeaves,
          concat("at most ", kMostLeaves, " numbers and names, got more."));
  require(node_->depth <= kDeepestNesting,
          concat("at most ", kDeepestNesting, " nested operators, got more."));
}

Formula::Formula(double number) : node_(make_number(number)) {
  require(std::isfinite(number),
          concat("a finite number, got ", number_text(number), "."));
}

Formula Formula::x(std::size_t number) {
  return Formula(argument('x', 'X', number));
}

Formula Formula::y(std::size_t number) {
  return Formula(argument('y', 'Y', number));
}

Formula Formula::g(std::size_t number) {
  return Formula(argument('g', 'G', number));
}

Formula Formula::read(const std::string& text) {
  return Formula(read_formula(text, "Formula()", FormulaOwner::kernel).root);
}

Formula Formula::call(const std::string& name,
                      const std::vector<Formula>& operands) {
  const FormulaOperator* const row = find_formula_operator(name, false);
  require(row != nullptr,
          concat("the name of an operator, got ", quoted(name), ".",
                 did_you_mean(name, formula_operator_names())));
  require(operands.size() == row->operands.size(),
          concat(row->operands.size(), " operands of '", name, "', got ",
                 operands.size(), "."));
  std::vector<FormulaPointer> nodes;
  for (const Formula& operand : operands) nodes.push_back(operand.node_);
  return Formula(checked_operation(*row, std::move(nodes)));
}

Formula Formula::operator-() const {
  return Formula(make_operation(operator_row(SyntaxKind::negate), {node_}));
}

Formula operator+(const Formula& a, const Formula& b) {
  return Formula(binary(SyntaxKind::add, a, b));
}

Formula operator-(const Formula& a, const Formula& b) {
  return Formula(binary(SyntaxKind::subtract, a, b));
}

Formula operator*(const Formula& a, const Formula& b) {
  return Formula(binary(SyntaxKind::multiply, a, b));
}

Formula operator/(const Formula& a, const Formula& b) {
  return Formula(binary(SyntaxKind::divide, a, b));
}

Formula dot(const Formula& a, const Formula& b) {
  return Formula(binary(SyntaxKind::dot, a, b));
}

Formula power(const Formula& base, double exponent) {
  return Formula(checked_operation(operator_row(SyntaxKind::power),
                                   {base.node_, make_number(exponent)}));
}

std::string Formula::text() const { return to_text(*node_); }

const Digest& Formula::digest() const { return node_->digest; }

bool Formula::operator==(const Formula& other) const {
  return digest() == other.digest();
}

}  // namespace gramless
