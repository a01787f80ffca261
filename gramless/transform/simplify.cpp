// SPDX-License-Identifier: MIT
// Holds the rules of the simplifier and applies them.
#include "gramless/transform/simplify.h"

#include <array>
#include <cmath>
#include <optional>

#include "gramless/base/fork_lock.h"
#include "gramless/error.h"
#include "gramless/ir/reader.h"
#include "gramless/text/syntax.h"

namespace gramless {
namespace {

constexpr std::array kRules = {
    SimplifyRule{"log(1 + a)", "log1p(a)"},
    SimplifyRule{"log(sqrt(a))", "log(a)/2"},
};

/// Matches an expression against a pattern, learning what its names stand for.
class Matcher {
 public:
  explicit Matcher(ExprPool& pool) : pool_(pool) {}

  bool matches(const Syntax& pattern, Expr expr) {
    switch (pattern.kind) {
      case SyntaxKind::name:
        return bind(pattern.name, expr);
      case SyntaxKind::number:
        return expr->is_constant() && expr->value == pattern.number;
      case SyntaxKind::negate:
        return expr->is_constant() &&
               matches(pattern.operands[0], pool_.constant(-expr->value));
      case SyntaxKind::call:
        return matches_call(pattern, expr);
      case SyntaxKind::divide:
        return matches_power(pattern.operands[1], -1, expr);
      case SyntaxKind::add:
        return expr->kind == NodeKind::add &&
               matches(pattern.operands[0], expr->operands[0]) &&
               matches(pattern.operands[1],
                       pool_.add(
                           {expr->operands.begin() + 1, expr->operands.end()}));
      case SyntaxKind::dot:
      case SyntaxKind::element:
      case SyntaxKind::subtract:
      case SyntaxKind::multiply:
      case SyntaxKind::power:
        break;
    }
    throw InternalError("simplify(): unknown kind of pattern.");
  }

  [[nodiscard]] const Names& names() const { return names_; }

 private:
  bool bind(const std::string& name, Expr expr) {
    const bool is_number = name == "n" || name == "m";
    if (is_number && !expr->is_constant()) return false;
    const auto [entry, is_new] = names_.values.emplace(name, expr);
    return is_new || entry->second == expr;
  }

  bool matches_call(const Syntax& pattern, Expr expr) {
    const Syntax& operand = pattern.operands[0];
    if (pattern.name == "sqrt") return matches_power(operand, 0.5, expr);
    if (pattern.name == "rsqrt") return matches_power(operand, -0.5, expr);
    if (pattern.name == "power") {
      return expr->kind == NodeKind::power &&
             matches(pattern.operands[1], pool_.constant(expr->value)) &&
             matches(operand, expr->operands[0]);
    }
    return expr->kind == NodeKind::function &&
           row_of(expr->function).name == pattern.name &&
           pattern.operands.size() == 1 && matches(operand, expr->operands[0]);
  }

  bool matches_power(const Syntax& base, double exponent, Expr expr) {
    return expr->kind == NodeKind::power && expr->value == exponent &&
           matches(base, expr->operands[0]);
  }

  ExprPool& pool_;
  Names names_;
};

struct ParsedRule {
  Syntax pattern;
  std::string_view result;
};

std::vector<ParsedRule> parse_rules() {
  std::vector<ParsedRule> rules;
  for (const SimplifyRule& rule : kRules) {
    const Source source{std::string(rule.pattern), "simplify_rules()"};
    rules.push_back({parse_syntax(source), rule.result});
  }
  return rules;
}

constinit std::atomic<const std::vector<ParsedRule>*> parsed_rules = nullptr;

/// Applies the first rule that fits to a node, and all rules to what it gives.
Expr simplify_node(ExprPool& pool, Expr expr) {
  for (const ParsedRule& rule : made_once(parsed_rules, parse_rules)) {
    Matcher matcher(pool);
    if (!matcher.matches(rule.pattern, expr)) continue;
    return simplify(pool, read_expr(pool, rule.result, matcher.names()));
  }
  return expr;
}

}  // namespace

std::span<const SimplifyRule> simplify_rules() { return kRules; }

Expr simplify(ExprPool& pool, Expr expr) {
  std::unordered_map<int, Expr> done;
  return rebuild(pool, expr, done, simplify_node);
}

MapReduce simplify(const MapReduce& map_reduce) {
  return rebuild(map_reduce, simplify_node);
}

}  // namespace gramless
