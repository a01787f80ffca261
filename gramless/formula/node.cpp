// SPDX-License-Identifier: MIT
// Makes nodes of formulas, with all that is found from their operands.
#include "gramless/formula/node.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/formula/parsed_kernel.h"

namespace gramless {
namespace {

constexpr double kLargestPower = 1024;
constexpr double kLargestInteger = 1e9;

/// Adds a word to a digest: two multiplicative hashes, of which each mixes high
/// bits into low ones.
void mix(Digest& digest, uint64_t word) {
  constexpr Digest kFactors = {0x9E3779B97F4A7C15U, 0xD1B54A32D192ED03U};
  for (std::size_t k = 0; k < digest.size(); ++k) {
    uint64_t& state = digest[k];
    state = (state ^ word) * kFactors[k];
    state ^= state >> 32U;
    state = state * kFactors[k] + 1;
  }
}

void mix(Digest& digest, std::string_view text) {
  mix(digest, text.size());
  for (const char c : text) mix(digest, static_cast<unsigned char>(c));
}

void mix(Digest& digest, const Digest& other) {
  for (const uint64_t word : other) mix(digest, word);
}

void mix(Digest& digest, const AtomUse& use) {
  mix(digest, use.pair);
  mix(digest, use.slot);
  mix(digest, use.atom->parameters.size());
  for (const Parameter each : use.atom->parameters) {
    mix(digest, static_cast<unsigned char>(each));
  }
  for (const auto& formula : {use.atom->sum, use.atom->log}) {
    mix(digest, formula ? formula->root->digest : Digest{});
  }
}

Digest digest_of(const FormulaNode& node) {
  Digest digest = {1, 2};
  mix(digest, static_cast<uint64_t>(node.kind));
  switch (node.kind) {
    case FormulaNode::Kind::number:
      mix(digest, std::bit_cast<uint64_t>(node.number));
      break;
    case FormulaNode::Kind::variable:
      mix(digest, static_cast<unsigned char>(node.variable.kind));
      mix(digest, node.variable.number);
      break;
    case FormulaNode::Kind::operation:
      mix(digest, node.row->name);
      break;
    case FormulaNode::Kind::atom:
      mix(digest, node.use);
      break;
  }
  mix(digest, node.operands.size());
  for (const FormulaPointer& operand : node.operands) {
    mix(digest, operand->digest);
  }
  return digest;
}

bool is_written_out(char operand_kind) {
  return operand_kind == 'n' || operand_kind == 'r';
}

Known known_of(const FormulaNode& node) {
  switch (node.kind) {
    case FormulaNode::Kind::number:
      return known_number(node.number);
    case FormulaNode::Kind::variable:
      return {};
    case FormulaNode::Kind::atom:
      return {node.use.atom->is_nonnegative};
    case FormulaNode::Kind::operation:
      break;
  }
  std::vector<Known> operands;
  for (std::size_t k = 0; k < node.operands.size(); ++k) {
    Known known = node.operands[k]->known;
    known.is_literal = is_written_out(node.row->operands[k]);
    operands.push_back(known);
  }
  return known_of(*node.row, operands);
}

FormulaPointer completed(FormulaNode node) {
  node.digest = digest_of(node);
  node.known = known_of(node);
  node.leaves = node.operands.empty() ? 1 : 0;
  for (std::size_t k = 0; k < node.operands.size(); ++k) {
    const FormulaNode& operand = *node.operands[k];
    node.leaves += operand.leaves;
    const int step = is_link(node) && k == 0 ? 0 : 1;
    node.depth = std::max(node.depth, operand.depth + step);
    for (std::size_t a = 0; a < node.arguments.size(); ++a) {
      node.arguments[a] = std::max(node.arguments[a], operand.arguments[a]);
    }
  }
  if (node.kind == FormulaNode::Kind::variable) {
    const std::size_t kind = std::string_view("xyg").find(node.variable.kind);
    node.arguments.at(kind) = node.variable.number + 1;
  }
  return std::make_shared<const FormulaNode>(std::move(node));
}

/// Writes nodes, and notes where one of them stands.
class Printer {
 public:
  explicit Printer(const FormulaNode* wanted = nullptr) : wanted_(wanted) {}

  void print(const FormulaNode& node, int least_tightness = 0) {
    const bool is_bare = tightness(node) >= least_tightness;
    if (!is_bare) text_ += "(";
    const std::size_t begin = text_.size();
    switch (node.kind) {
      case FormulaNode::Kind::number:
        text_ += number_text(node.number);
        break;
      case FormulaNode::Kind::variable:
        text_ += node.name;
        break;
      case FormulaNode::Kind::operation:
        print_operation(node);
        break;
      case FormulaNode::Kind::atom:
        throw InternalError("print(): an atom has no text of its own.");
    }
    if (&node == wanted_) place_ = {begin, text_.size()};
    if (!is_bare) text_ += ")";
  }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Place place() const { return place_; }

 private:
  static int tightness(const FormulaNode& node) {
    const bool is_operation = node.kind == FormulaNode::Kind::operation;
    return is_operation ? node.row->infix.tightness : kTightest;
  }

  void print_operation(const FormulaNode& node) {
    const auto& [symbol, own] = node.row->infix;
    const std::vector<FormulaPointer>& operands = node.operands;
    if (node.row->name == "Pow") {
      print(*operands[0], own + 1);
      text_ += symbol;
      text_ += number_text(*literal(*operands[1]));
    } else if (node.row->name == "Scalprod") {
      text_ += "(";
      print(*operands[0]);
      text_ += symbol;
      print(*operands[1]);
      text_ += ")";
    } else if (symbol.empty()) {
      text_ += concat(node.row->name, "(");
      for (std::size_t k = 0; k < operands.size(); ++k) {
        if (k > 0) text_ += ", ";
        print(*operands[k]);
      }
      text_ += ")";
    } else {
      if (operands.size() == 2) print(*operands[0], own);
      text_ += symbol;
      print(*operands.back(), own + (operands.size() == 2 ? 1 : 0));
    }
  }

  const FormulaNode* wanted_;
  std::string text_;
  Place place_;
};

}  // namespace

FormulaPointer make_number(double number, Place place) {
  if (std::signbit(number)) {
    return make_operation(operator_row(SyntaxKind::negate),
                          {make_number(-number, place)}, place);
  }
  return completed({.number = number, .place = place});
}

FormulaPointer make_variable(FormulaVariable variable, std::string name,
                             Place place) {
  return completed({.kind = FormulaNode::Kind::variable,
                    .variable = variable,
                    .name = std::move(name),
                    .place = place});
}

FormulaPointer make_operation(const FormulaOperator& row,
                              std::vector<FormulaPointer> operands,
                              Place place) {
  return completed({.kind = FormulaNode::Kind::operation,
                    .row = &row,
                    .operands = std::move(operands),
                    .place = place});
}

FormulaPointer make_use(AtomUse use, Place place) {
  return completed(
      {.kind = FormulaNode::Kind::atom, .use = std::move(use), .place = place});
}

std::optional<double> literal(const FormulaNode& node) {
  if (node.kind == FormulaNode::Kind::number) return node.number;
  const bool is_negative = node.kind == FormulaNode::Kind::operation &&
                           node.row == &operator_row(SyntaxKind::negate);
  if (!is_negative) return std::nullopt;
  const std::optional<double> number = literal(*node.operands[0]);
  return number ? std::optional(-*number) : std::nullopt;
}

std::optional<WrongOperand> wrong_operand(
    const FormulaOperator& row, const std::vector<FormulaPointer>& operands) {
  const auto problem = [&](std::size_t position, std::string_view expected) {
    return WrongOperand{position,
                        concat(expected, " as an operand of '", row.name, "'")};
  };
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const char kind = row.operands[k];
    if (kind == 'v' && operands[k]->kind != FormulaNode::Kind::variable) {
      return problem(k, "a variable");
    }
    if (!is_written_out(kind)) continue;
    const std::optional<double> number = literal(*operands[k]);
    const bool is_integer = number && *number == std::trunc(*number) &&
                            std::abs(*number) <= kLargestInteger;
    if (kind == 'n' && !is_integer) return problem(k, "an integer");
    if (!number) return problem(k, "a number");
    if (row.name == "Pow" && std::abs(*number) > kLargestPower) {
      return WrongOperand{k, concat("an exponent between -1024 and 1024, got ",
                                    number_text(*number))};
    }
  }
  return std::nullopt;
}

bool is_link(const FormulaNode& node) {
  return node.kind == FormulaNode::Kind::operation &&
         node.row->operands == "ff" && node.row->infix.tightness < kTightest;
}

std::string to_text(const FormulaNode& node) {
  Printer printer;
  printer.print(node);
  return printer.text();
}

void fail_at(const ParsedFormula& formula, const FormulaNode& node,
             const std::string& function, const std::string& problem) {
  Source source = formula.source;
  source.function = function;
  Place place = node.place;
  if (!formula.has_places) {
    Printer printer(&node);
    printer.print(*formula.root);
    place = printer.place();
  }
  fail_at(source, place.begin, place.end, problem);
}

}  // namespace gramless
