// SPDX-License-Identifier: MIT
// Expressions: scalars over named axes.
//
// The language is index notation. An expression is a scalar that may depend on
// axes: the pair axes i and j, and feature axes such as d. Its leaves are
// numbers and elements of arguments, `x0[i,d]`. `sum(d, f)` binds an axis:
// |x - y|² is `sum(d, (x0[i,d] - y0[j,d])**2)`.
//
// Meaning. Values are real numbers as IEEE float64 has them: 1/0 is inf, 0*inf
// is NaN, NaN spreads. Three things are said beyond that:
// - `power0(a, p)` is a**p, but 0 at a = 0. It appears in derivatives only:
//   the derivative of a**p, p not an integer, is p*power0(a, p - 1), so that
//   a root has derivative 0 at 0, at every order.
// - Powers of one root merge: sqrt(f)*sqrt(f) is f*root_domain(f), that is f,
//   or NaN where f < 0, from the moment it is built, and differentiates as f
//   does.
// - Exponentials merge: exp(a)*exp(b) is exp(a + b) and exp(a)**n is exp(n*a).
//   transform/log_domain does that, behind all derivatives.
//
// Normal form. The pool builds each expression in one form only. Its rewrites
// keep values at 0, inf and NaN, and where a factor alone over- or underflows;
// they may change the last bit, the sign of 0, and which partial sum or product
// overflows:
// - sums and products are flat, with at most one number, which comes first;
//   operands are in an order that depends on their structure alone, so that a
//   sum is added up in one order in every pool; 0 + f and 1*f are f; numbers
//   fold;
// - equal factors merge into powers when their exponents have the same sign;
//   equal terms merge when their coefficients have the same sign;
// - f**0 is 1 and f**1 is f; integer powers of powers multiply their exponents;
//   those of -f are powers of f; any other power of a product stays one, for
//   (f*g)**2 may be a number where f**2 is none, but that roots in it merge:
//   (sqrt(f)*g)**2 is (f*g)*g*root_domain(f);
// - a select() of a number is the branch that it takes, and so is one inside of
//   another with its mark; selects with one mark merge in a sum, and a sum over
//   an axis goes into their branches;
// - a sum over an axis keeps only the factors that depend on the axis, and
//   names its axis with as few primes as leave it unused inside (d, d', d'',
//   …), so that equal sums are one node.
// A product with the number 0 stays: it is NaN where the other factor is.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "gramless/ir/operators.h"

namespace gramless {

/// An axis: i, j, or a feature axis. Axes of one name (d, d', …) are told apart
/// by their primes. In a map-reduce all of them have one extent.
struct Axis {
  std::string name;
  int primes = 0;
  int64_t extent = 0;

  auto operator<=>(const Axis&) const = default;
  [[nodiscard]] std::string text() const;
};

/// The pair axes. Their extents, M and N, are known at run time only.
inline const Axis kAxisI{"i", 0, -1};
inline const Axis kAxisJ{"j", 0, -1};

/// Returns whether an axis is i or j.
bool is_pair_axis(const Axis& axis);

/// An index of an argument: an axis, or a fixed position.
using Index = std::variant<Axis, int64_t>;

enum class NodeKind : uint8_t {
  constant,  // value
  load,      // argument[indices]
  at,        // 0 where `axis` stands at position `value`, otherwise -1
  add,       // sum of the operands
  multiply,  // product of the operands
  power,     // operand ** value; ** 1 only of a product, to keep it whole
  power0,    // the same, but 0 where the operand is 0
  function,  // function(operands)
  sum,       // sum of the operand over `axis`
};

class ExprPool;
struct Node;

/// A handle of a node. It lives as long as its pool.
class Expr {
 public:
  Expr() = default;
  explicit Expr(const Node* node) : node_(node) {}

  const Node& operator*() const { return *node_; }
  const Node* operator->() const { return node_; }
  explicit operator bool() const { return node_ != nullptr; }
  bool operator==(const Expr&) const = default;

 private:
  const Node* node_ = nullptr;
};

/// What a node says, before it has a place in a pool.
struct NodeContent {
  NodeKind kind = NodeKind::constant;
  double value = 0;
  Function function = Function::exp;
  std::string argument = {};
  std::vector<Index> indices = {};
  Axis axis = {};
  std::vector<Expr> operands = {};
};

struct Node : NodeContent {
  ExprPool* pool = nullptr;
  /// Grows with age: operands have smaller numbers than what uses them.
  int id = 0;
  /// The axes that the value depends on, in order.
  std::vector<Axis> free_axes;

  [[nodiscard]] bool depends_on(const Axis& which) const;
  [[nodiscard]] bool is_constant() const { return kind == NodeKind::constant; }
};

/// Builds expressions in normal form, each different one once. A pool belongs
/// to one build; it is not safe to use from two threads at once.
class ExprPool {
 public:
  ExprPool() = default;
  ExprPool(const ExprPool&) = delete;
  ExprPool& operator=(const ExprPool&) = delete;

  Expr constant(double value);
  Expr load(const std::string& argument, std::vector<Index> indices);
  /// What select() takes to tell positions apart.
  Expr at(const Axis& axis, int64_t position);
  Expr add(const std::vector<Expr>& terms);
  Expr multiply(const std::vector<Expr>& factors);
  Expr divide(Expr numerator, Expr denominator);
  Expr power(Expr base, double exponent);
  Expr power0(Expr base, double exponent);
  /// A product that is a factor as a whole: it is not flattened.
  Expr whole(Expr product);
  Expr apply(Function function, const std::vector<Expr>& operands);
  Expr apply(Function function, Expr operand);
  /// The largest operand: the first one of equal ones.
  Expr maximum(const std::vector<Expr>& operands);
  Expr sum(const Axis& axis, Expr body);

  /// Builds the node of the same kind, axis and value over other operands.
  Expr with_operands(const Node& node, const std::vector<Expr>& operands);

  /// Renames free axes or fixes their positions, all at once, renaming bound
  /// ones out of the way.
  Expr rename(Expr expr, const std::map<Axis, Index>& names);

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

 private:
  Expr intern(NodeContent content);
  Expr select(const std::vector<Expr>& operands);
  std::vector<Expr> merge_selects(const std::vector<Expr>& terms);
  /// Returns an integer power of a node `power` or `power0`.
  Expr power_of_power(const Node& inner, double exponent);
  /// Returns an integer power of a product in which a root merges, or nothing
  /// where none does.
  Expr power_with_roots(const Node& product, double exponent);

  std::deque<Node> nodes_;
  std::unordered_multimap<std::size_t, Expr> index_;
};

Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator-(Expr a);
Expr operator*(Expr a, Expr b);

/// Returns whether an expression is a select().
bool is_select(Expr expr);

/// Returns the position on `axis` that a select() takes its value from which is
/// 0 at all others, or nothing.
std::optional<int64_t> only_position(Expr expr, const Axis& axis);

/// Whether `a` stands before `b` in a sum or product. The order depends on what
/// the two say, and not on when they were built.
bool stands_before(Expr a, Expr b);

/// Returns whether the form of an expression shows that it is never negative;
/// it may be NaN.
bool is_nonnegative(Expr expr);

/// Returns the nodes that the roots are made of, each once, operands first.
std::vector<Expr> nodes_below(std::span<const Expr> roots);

/// Rebuilds `expr` in `pool` (its own or another one) from the leaves up,
/// passing each rebuilt node through `visit`, which may replace it. `done`
/// remembers what was rebuilt, for the next call.
Expr rebuild(ExprPool& pool, Expr expr, std::unordered_map<int, Expr>& done,
             Expr (*visit)(ExprPool&, Expr) = nullptr);

}  // namespace gramless
