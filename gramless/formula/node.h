// SPDX-License-Identifier: MIT
// The nodes of formulas. They are immutable and shared; the readers make them
// from text, and calls of the public header make them without any.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gramless/formula.h"
#include "gramless/formula/operators.h"
#include "gramless/formula/signs.h"
#include "gramless/text/syntax.h"

namespace gramless {

struct Atom;

/// An argument x, y or g by its number: that of a kernel, or, in the formula of
/// an atom, the one so many places behind the atom's pair or gamma slot.
struct FormulaVariable {
  char kind = 'x';
  std::size_t number = 0;
};

/// One use of an atom. A whole kernel by formulas is the only one of its kind,
/// at pair 0 and slot 0.
struct AtomUse {
  std::shared_ptr<const Atom> atom;
  std::size_t pair = 0;
  /// The first of its gamma slots.
  std::size_t slot = 0;
};

/// The bytes of a text that a node was read from.
struct Place {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct FormulaNode;
using FormulaPointer = std::shared_ptr<const FormulaNode>;

struct FormulaNode {
  enum class Kind : uint8_t { number, variable, operation, atom };

  Kind kind = Kind::number;
  double number = 0;
  FormulaVariable variable = {};
  /// What the text calls the variable.
  std::string name = {};
  const FormulaOperator* row = nullptr;
  AtomUse use = {};
  std::vector<FormulaPointer> operands = {};
  /// No part of what the node says.
  Place place = {};

  // Found from the above.
  Digest digest = {};
  Known known = {};
  /// The numbers of arguments x, y and g that the formula has.
  std::array<std::size_t, 3> arguments = {};
  int leaves = 0;
  /// Without first operands of operators between two.
  int depth = 0;
};

/// A number. A negative one is a positive one with a sign, as in a text.
FormulaPointer make_number(double number, Place place = {});
FormulaPointer make_variable(FormulaVariable variable, std::string name,
                             Place place = {});
/// The operands are those that wrong_operand() allows.
FormulaPointer make_operation(const FormulaOperator& row,
                              std::vector<FormulaPointer> operands,
                              Place place = {});
FormulaPointer make_use(AtomUse use, Place place = {});

/// Returns the number that a node writes out, if it does.
std::optional<double> literal(const FormulaNode& node);

/// An operand that an operator cannot take: what is expected in its stead.
struct WrongOperand {
  std::size_t position = 0;
  std::string expected;
};

/// Returns the first operand that an operator cannot take. There are as many as
/// the row has.
std::optional<WrongOperand> wrong_operand(
    const FormulaOperator& row, const std::vector<FormulaPointer>& operands);

/// Whether a node is an operator between two operands, of which the first may
/// be another: such chains are as long as texts.
bool is_link(const FormulaNode& node);

/// The same for all nodes of a chain as fold_chain() of text/syntax.h.
template <class Value, class Combine>
auto fold_chain(const FormulaNode& node, Value value, Combine combine) {
  std::vector<const FormulaNode*> chain;
  const FormulaNode* first = &node;
  for (; is_link(*first); first = first->operands[0].get()) {
    chain.push_back(first);
  }
  auto result = value(*first);
  for (auto link = chain.rbegin(); link != chain.rend(); ++link) {
    auto right = value(*(*link)->operands[1]);
    result = combine(**link, std::move(result), std::move(right));
  }
  return result;
}

/// Returns a text that reads as a formula of the same digest.
std::string to_text(const FormulaNode& node);

/// A formula, and the text for messages about it.
struct ParsedFormula {
  Source source;
  FormulaPointer root;
  /// Whether the nodes have places in the text; otherwise it is to_text().
  bool has_places = true;
};

/// Throws an ArgumentError about a node of a formula, as fail_at() of
/// text/syntax.h does, for a call of `function`.
[[noreturn]] void fail_at(const ParsedFormula& formula, const FormulaNode& node,
                          const std::string& function,
                          const std::string& problem);

}  // namespace gramless
