// SPDX-License-Identifier: MIT
// Implements formulas as trees of immutable nodes.
#include "gramless/formula.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/operators.h"
#include "gramless/formula/parsed_formula.h"

namespace gramless {

/// What Syntax has, but for its place in a text.
struct Formula::Node {
  SyntaxKind kind = SyntaxKind::number;
  double number = 0;  // The value of a number, the exponent of a power.
  std::string name = {};
  std::vector<Formula> operands = {};
  // Found from the above.
  uint64_t digest = 0;
  int leaves = 0;
  int depth = 0;  // But for first operands of operators.
};

namespace {

/// FNV-1a over the bytes of numbers.
void mix(uint64_t& digest, uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) {
    digest = (digest ^ ((number >> shift) & 0xFFU)) * 0x100000001B3U;
  }
}

/// How tightly a node's text holds together: 5 what needs no brackets.
int rank_of(SyntaxKind kind) {
  switch (kind) {
    case SyntaxKind::add:
    case SyntaxKind::subtract:
      return 1;
    case SyntaxKind::multiply:
    case SyntaxKind::divide:
      return 2;
    case SyntaxKind::negate:
      return 3;
    case SyntaxKind::power:
      return 4;
    case SyntaxKind::number:
    case SyntaxKind::name:
    case SyntaxKind::call:
    case SyntaxKind::element:
    case SyntaxKind::dot:
      return 5;
  }
  throw InternalError("rank_of(): unknown kind of syntax.");
}

void require(bool condition, const std::string& expected) {
  if (condition) return;
  throw ArgumentError(concat("Formula(): expected ", expected));
}

}  // namespace

Formula::Formula(Node node) {
  uint64_t digest = 0xCBF29CE484222325U;
  mix(digest, static_cast<uint64_t>(node.kind));
  mix(digest, std::bit_cast<uint64_t>(node.number));
  for (const char c : node.name) mix(digest, static_cast<unsigned char>(c));
  mix(digest, node.operands.size());
  node.leaves = node.operands.empty() ? 1 : 0;
  for (std::size_t k = 0; k < node.operands.size(); ++k) {
    const Node& operand = *node.operands[k].node_;
    mix(digest, operand.digest);
    node.leaves += operand.leaves;
    const bool is_chained = k == 0 && node.operands.size() == 2;
    node.depth = std::max(node.depth, operand.depth + (is_chained ? 0 : 1));
  }
  node.digest = digest;
  require(node.leaves <= kMostLeaves,
          concat("at most ", kMostLeaves, " numbers and names, got more."));
  require(node.depth <= kDeepestNesting,
          concat("at most ", kDeepestNesting, " nested operators, got more."));
  node_ = std::make_shared<const Node>(std::move(node));
}

// The text of a negative number is one with a sign.
Formula::Formula(double number)
    : Formula(std::signbit(number)
                  ? Node{SyntaxKind::negate, 0, {}, {Formula(-number)}}
                  : Node{SyntaxKind::number, number}) {
  require(std::isfinite(number),
          concat("a finite number, got ", number_text(number), "."));
}

Formula Formula::x(std::size_t number) {
  return Formula(Node{SyntaxKind::name, 0, concat("X_", number)});
}

Formula Formula::y(std::size_t number) {
  return Formula(Node{SyntaxKind::name, 0, concat("Y_", number)});
}

Formula Formula::g(std::size_t number) {
  return Formula(Node{SyntaxKind::name, 0, concat("G_", number)});
}

Formula Formula::read(const std::string& text) {
  const auto node_of = [](const auto& self, const Syntax& tree) -> Formula {
    Node node{tree.kind, tree.number, tree.name};
    for (const Syntax& operand : tree.operands) {
      node.operands.push_back(self(self, operand));
    }
    return Formula(std::move(node));
  };
  FormulaVariables variables;
  return node_of(
      node_of,
      parse_formula(text, "Formula()", FormulaOwner::kernel, variables)->tree);
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
  return Formula(Node{SyntaxKind::call, 0, name, operands});
}

Formula Formula::operator-() const {
  return Formula(Node{SyntaxKind::negate, 0, {}, {*this}});
}

Formula operator+(const Formula& a, const Formula& b) {
  return Formula(Formula::Node{SyntaxKind::add, 0, {}, {a, b}});
}

Formula operator-(const Formula& a, const Formula& b) {
  return Formula(Formula::Node{SyntaxKind::subtract, 0, {}, {a, b}});
}

Formula operator*(const Formula& a, const Formula& b) {
  return Formula(Formula::Node{SyntaxKind::multiply, 0, {}, {a, b}});
}

Formula operator/(const Formula& a, const Formula& b) {
  return Formula(Formula::Node{SyntaxKind::divide, 0, {}, {a, b}});
}

Formula dot(const Formula& a, const Formula& b) {
  return Formula(Formula::Node{SyntaxKind::dot, 0, {}, {a, b}});
}

Formula power(const Formula& base, double exponent) {
  require(std::isfinite(exponent), "a finite exponent.");
  return Formula(Formula::Node{SyntaxKind::power, exponent, {}, {base}});
}

std::string Formula::text() const {
  const Node& node = *node_;
  const auto operand = [&](std::size_t k, int least_rank) {
    const Formula& formula = node.operands[k];
    const std::string text = formula.text();
    const bool is_bare = rank_of(formula.node_->kind) >= least_rank;
    return is_bare ? text : concat("(", text, ")");
  };
  const auto binary = [&](std::string_view symbol) {
    const int rank = rank_of(node.kind);
    return concat(operand(0, rank), symbol, operand(1, rank + 1));
  };
  switch (node.kind) {
    case SyntaxKind::number:
      return number_text(node.number);
    case SyntaxKind::name:
      return node.name;
    case SyntaxKind::call: {
      std::vector<std::string> texts;
      for (const Formula& each : node.operands) texts.push_back(each.text());
      return concat(node.name, "(", join(texts, ", "), ")");
    }
    case SyntaxKind::negate:
      return concat("-", operand(0, rank_of(node.kind)));
    case SyntaxKind::add:
      return binary(" + ");
    case SyntaxKind::subtract:
      return binary(" - ");
    case SyntaxKind::multiply:
      return binary("*");
    case SyntaxKind::divide:
      return binary("/");
    case SyntaxKind::power:
      return concat(operand(0, 5), "**", number_text(node.number));
    case SyntaxKind::dot:
      return concat("(", operand(0, 0), "|", operand(1, 0), ")");
    case SyntaxKind::element:
      break;
  }
  throw InternalError("text(): unknown kind of node.");
}

uint64_t Formula::digest() const { return node_->digest; }

bool Formula::operator==(const Formula& other) const {
  return digest() == other.digest() && text() == other.text();
}

}  // namespace gramless
