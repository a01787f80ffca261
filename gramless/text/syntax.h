// SPDX-License-Identifier: MIT
// The grammar that kernel names, formulas and printed programs share: text to
// a tree of numbers, names, calls and operators. What the names mean is up to
// the reader of the tree.
//
//   sum      := term (("+" | "-") term)*
//   term     := factor (("*" | "/") factor)*
//   factor   := ("+" | "-") factor | power
//   power    := primary ("**" ("+" | "-")* number)?
//   primary  := number | name | call | element | "(" inside ")"
//   inside   := sum ("|" sum)?
//   call     := name "(" (inside ("," inside)*)? ")"
//   element  := name "[" (inside ("," inside)*)? "]"
//
// Precedence is Python's. White space is free. `f|g` is for formulas only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gramless {

enum class SyntaxKind : uint8_t {
  number,
  name,
  call,
  element,
  negate,
  add,
  subtract,
  multiply,
  divide,
  power,
  dot,  // (f|g)
};

/// One node: what it is, its operands, and its place in the text.
struct Syntax {
  SyntaxKind kind = SyntaxKind::number;
  double number = 0;  // The value of a number, the exponent of a power.
  std::string name;
  std::vector<Syntax> operands;
  std::size_t begin = 0;  // In bytes.
  std::size_t end = 0;
};

/// A text and the public function that was called with it.
struct Source {
  std::string text;
  std::string function;
  /// Whether names may end in primes, as axes do: d, d', d''.
  bool primes = false;
  /// Whether it is a formula: with `(f|g)`, and names in braces: `{X}`.
  bool is_formula = false;
  /// How many times as long as one of a user the text may be.
  int length_factor = 1;
};

// Limits on a text: long enough for any kernel written by hand or by a
// program, short enough to answer at once.
inline constexpr std::size_t kLongestText = 20000;  // Characters.
inline constexpr int kDeepestNesting = 100;         // Brackets and signs.
inline constexpr int kMostLeaves = 1000;            // Numbers and names.

/// Returns the tree of a whole text.
/// Throws ArgumentError with column and caret where the text is wrong.
Syntax parse_syntax(const Source& source);

/// Whether a node is an operator between two operands.
bool is_binary(const Syntax& tree);

/// Returns what `combine` makes, from left to right, of the node and the two
/// values of each operator in a chain such as `a + b*c - d`. Chains are as long
/// as texts, which are longer than the stack is deep.
template <class Value, class Combine>
auto fold_chain(const Syntax& tree, Value value, Combine combine) {
  std::vector<const Syntax*> chain;
  const Syntax* first = &tree;
  for (; is_binary(*first); first = &first->operands[0]) chain.push_back(first);
  auto result = value(*first);
  for (auto node = chain.rbegin(); node != chain.rend(); ++node) {
    auto right = value((*node)->operands[1]);
    result = combine(**node, std::move(result), std::move(right));
  }
  return result;
}

/// Throws an ArgumentError: `Kernel(): <problem> at column 7.<advice>` and the
/// text with carets under the bytes [begin, end). Columns count characters
/// from 1.
[[noreturn]] void fail_at(const Source& source, std::size_t begin,
                          std::size_t end, const std::string& problem,
                          const std::string& advice = "");

/// The same for the place of a node.
[[noreturn]] void fail_at(const Source& source, const Syntax& place,
                          const std::string& problem,
                          const std::string& advice = "");

}  // namespace gramless
