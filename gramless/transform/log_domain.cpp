// SPDX-License-Identifier: MIT
// Implements the log domain.
//
// A term is factor * exp(Σ n_k a_k) * 2**binary. The a_k are the arguments of
// the exponentials that met in a product; they are added up once, in an order
// that depends on them alone, so that a pair has one exponent in a value and in
// all of its derivatives.
//
// In a derivative of several logarithms, one for each column of b, the exponent
// varies with the column that is summed over. Such a sum stays open, so that
// what it is multiplied by joins the exponent: factor * Σ_e inner * exp(...).
#include "gramless/transform/log_domain.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gramless/error.h"
#include "gramless/ir/reader.h"

namespace gramless {
namespace {

/// Terms that a product with a sum is multiplied out to, at most. Beyond, the
/// sum is taken on a scale of its own.
constexpr std::size_t kMostTerms = 8;
/// A mantissa, between 1 and 2, has powers up to this one in any format.
constexpr double kLargestPowerOfMantissa = 32;
/// Below the binary exponent of any number.
constexpr double kLowestExponent = -2000;
/// The logarithm of 4. A shift counts powers of 4: so the sum of three bounded
/// logits, each up to a quarter of a format's range, has one.
constexpr double kShiftUnit = 2 * std::numbers::ln2;
/// A scale for terms that are all 0, from which exponents can be subtracted.
constexpr double kLowestScale = -0x1p126;

struct Term {
  Expr factor;
  /// The a_k with their n_k, each once, in order.
  std::vector<std::pair<Expr, double>> exponents = {};
  /// Null for 0.
  Expr binary = {};
  /// 4**-shift is a factor, apart from the exponents; null where it is none.
  Expr shift = {};
  /// The axes of a sum that is open, and the factor inside of it.
  std::vector<Axis> axes = {};
  Expr inner = {};

  [[nodiscard]] Term with_factor(Expr other) const {
    Term result = *this;
    result.factor = other;
    return result;
  }
  [[nodiscard]] bool is_plain() const {
    return exponents.empty() && !binary && !shift;
  }
  [[nodiscard]] bool has_scale_of(const Term& other) const {
    return exponents == other.exponents && binary == other.binary &&
           shift == other.shift && axes == other.axes && inner == other.inner;
  }
  [[nodiscard]] bool depends_on(const Axis& axis) const {
    const auto depends = [&](Expr expr) {
      return expr && expr->depends_on(axis);
    };
    return depends(binary) || depends(shift) || depends(inner) ||
           std::any_of(exponents.begin(), exponents.end(),
                       [&](const auto& e) { return depends(e.first); });
  }
};

using Terms = std::vector<Term>;

bool has_feature_axes(Expr expr) {
  return std::any_of(expr->free_axes.begin(), expr->free_axes.end(),
                     [](const Axis& axis) { return !is_pair_axis(axis); });
}

/// Returns a sum as one of its terms for each scale.
Terms grouped(const Terms& terms) {
  Terms groups;
  for (const Term& term : terms) {
    const auto same = std::find_if(
        groups.begin(), groups.end(),
        [&](const Term& group) { return group.has_scale_of(term); });
    if (same == groups.end()) {
      groups.push_back(term);
    } else {
      same->factor = same->factor + term.factor;
    }
  }
  return groups;
}

class Rewriter {
 public:
  Rewriter(ExprPool& pool, LogDomain domain) : pool_(pool), domain_(domain) {}

  /// Rewrites an output's value, and finds its bound.
  void rewrite(Output& output);

  /// Returns the terms of a sum, or the one term of what is none.
  Terms terms(Expr expr);

  /// Returns the logarithm of a term's size in a unit, up to a factor of 2,
  /// -inf where it is 0, without its shift.
  Expr size(const Term& term, double unit);

 private:
  Expr constant(double value) { return pool_.constant(value); }
  Expr call(Function function, const std::vector<Expr>& operands) {
    return pool_.apply(function, operands);
  }

  Expr plain(Expr expr);
  Expr sum_of_terms(Expr expr);
  Term merged(Expr expr);
  Term scaled(Expr expr);
  Term exponential(Expr expr);
  Term product(const Term& first, const Term& second);
  Term power_of(const Node& node, Term base);
  Term scaled_power(const Node& node, Term base);
  Expr power(Expr base, double exponent, NodeKind kind);
  Term power_of_mantissa(Expr f, double n, NodeKind kind);
  Expr function(Expr expr);
  Terms product_terms(Expr expr);
  Term sum_over(const Axis& axis, const Term& term);
  Term renamed_apart(const Term& term, const Term& other);
  Term on_one_scale(const Terms& terms);

  Expr exponent_of(const Term& term, double unit = 1);
  Expr rounded_exponent(const Term& term, double unit);
  Expr value(const Term& term) { return value(term, domain_.has_zeros); }
  Expr value(const Term& term, bool has_zeros);
  Expr value_with_zeros(const Term& term);
  Expr summed(const Term& term, Expr exponential);
  Expr power_of_two(const Term& term, bool is_base_4);
  Expr shift_in(Expr expr);

  ExprPool& pool_;
  LogDomain domain_;
  std::map<int, Expr> plain_;
  std::map<int, Term> scaled_;
};

void Rewriter::rewrite(Output& output) {
  if (!domain_.is_used) {
    output.value = plain(output.value);
    return;
  }
  if (!row_of(output.reduction).has_scale) {
    output.value = sum_of_terms(output.value);
    return;
  }
  const Expr scale = load_scale(pool_, output.array);
  std::vector<Expr> sizes;
  std::vector<Expr> values;
  for (Term& term : grouped(terms(output.value))) {
    sizes.push_back(size(term, kShiftUnit));
    term.shift = scale;
    values.push_back(value(term));
  }
  output.value = pool_.add(values);
  output.bound = pool_.maximum(sizes);
}

/// Returns an expression in the ordinary domain, with exponentials merged.
Expr Rewriter::plain(Expr expr) {
  if (expr->operands.empty()) return expr;
  if (const auto done = plain_.find(expr->id); done != plain_.end()) {
    return done->second;
  }
  const Expr result = value(merged(expr));
  plain_.emplace(expr->id, result);
  return result;
}

/// Returns the sum of the terms of an expression, each evaluated by itself.
Expr Rewriter::sum_of_terms(Expr expr) {
  std::vector<Expr> values;
  for (const Term& term : grouped(terms(expr))) values.push_back(value(term));
  return pool_.add(values);
}

/// Returns a term in the ordinary domain: exponents meet in products only.
Term Rewriter::merged(Expr expr) {
  switch (expr->kind) {
    case NodeKind::constant:
    case NodeKind::load:
    case NodeKind::at:
      return {expr};
    case NodeKind::multiply: {
      Term result{constant(1)};
      for (const Expr& factor : expr->operands) {
        result = product(result, merged(factor));
      }
      return result;
    }
    case NodeKind::power:
    case NodeKind::power0:
      return power_of(*expr, merged(expr->operands[0]));
    case NodeKind::function:
      if (!row_of(expr->function).exponent.empty()) return exponential(expr);
      if (const Expr shift = shift_in(expr)) {
        return {constant(1), {}, {}, shift};
      }
      return {function(expr)};
    case NodeKind::add:
    case NodeKind::sum:
      break;
  }
  std::vector<Expr> operands;
  for (const Expr& operand : expr->operands) operands.push_back(plain(operand));
  return {pool_.with_operands(*expr, operands)};
}

/// Returns a term in the log domain.
Term Rewriter::scaled(Expr expr) {
  if (const auto done = scaled_.find(expr->id); done != scaled_.end()) {
    return done->second;
  }
  const auto make = [&]() -> Term {
    switch (expr->kind) {
      case NodeKind::multiply: {
        Term result{constant(1)};
        for (const Expr& factor : expr->operands) {
          result = product(result, scaled(factor));
        }
        return result;
      }
      case NodeKind::power:
      case NodeKind::power0: {
        const Term base = scaled(expr->operands[0]);
        return base.factor->is_constant() ? power_of(*expr, base)
                                          : scaled_power(*expr, base);
      }
      case NodeKind::add:
      case NodeKind::sum:
        return on_one_scale(grouped(terms(expr)));
      case NodeKind::constant:
      case NodeKind::load:
      case NodeKind::at:
      case NodeKind::function:
        return merged(expr);
    }
    throw InternalError("scaled(): unknown kind of node.");
  };
  const Term result = make();
  scaled_.emplace(expr->id, result);
  return result;
}

Terms Rewriter::terms(Expr expr) {
  Terms result;
  switch (expr->kind) {
    case NodeKind::add:
      for (const Expr& operand : expr->operands) {
        const Terms more = terms(operand);
        result.insert(result.end(), more.begin(), more.end());
      }
      return result;
    case NodeKind::sum:
      for (const Term& term : grouped(terms(expr->operands[0]))) {
        result.push_back(sum_over(expr->axis, term));
      }
      return result;
    case NodeKind::multiply:
      return product_terms(expr);
    case NodeKind::constant:
    case NodeKind::load:
    case NodeKind::at:
    case NodeKind::power:
    case NodeKind::power0:
    case NodeKind::function:
      return {scaled(expr)};
  }
  throw InternalError("terms(): unknown kind of node.");
}

/// Multiplies out one sum of terms with different exponents: the one that is on
/// the scale of a logarithm, or a short one.
Terms Rewriter::product_terms(Expr expr) {
  Terms sum;
  Expr multiplied_out;
  for (const Expr& factor : expr->operands) {
    const bool is_sum =
        factor->kind == NodeKind::add || factor->kind == NodeKind::sum;
    if (!is_sum) continue;
    Terms candidate = grouped(terms(factor));
    const bool is_shifted =
        std::any_of(candidate.begin(), candidate.end(),
                    [](const Term& term) { return bool(term.shift); });
    const bool is_short =
        candidate.size() > 1 && candidate.size() <= kMostTerms;
    if (!is_shifted && (!is_short || multiplied_out)) continue;
    sum = std::move(candidate);
    multiplied_out = factor;
    if (is_shifted) break;
  }
  Term rest{constant(1)};
  for (const Expr& factor : expr->operands) {
    if (factor != multiplied_out) rest = product(rest, scaled(factor));
  }
  if (sum.empty()) return {rest};
  for (Term& term : sum) term = product(term, rest);
  return sum;
}

/// Sums a term over an axis. Where its exponent varies along it, the sum stays
/// open if it is on the scale of a logarithm, and is a factor otherwise.
Term Rewriter::sum_over(const Axis& axis, const Term& term) {
  if (term.depends_on(axis)) {
    if (!term.shift) return {pool_.sum(axis, value(term))};
    Term result = term;
    result.inner = term.inner ? term.inner * term.factor : term.factor;
    result.factor = constant(1);
    result.axes.push_back(axis);
    return result;
  }
  Term result = term;
  result.factor = pool_.sum(axis, term.factor);
  return result;
}

/// Renames the axes of a term's open sum that another term depends on.
Term Rewriter::renamed_apart(const Term& term, const Term& other) {
  std::map<Axis, Index> names;
  Term result = term;
  for (Axis& axis : result.axes) {
    const Axis before = axis;
    const auto is_used = [&](const Axis& name) {
      return other.depends_on(name) || other.factor->depends_on(name) ||
             (name != before && term.depends_on(name));
    };
    while (is_used(axis)) ++axis.primes;
    if (axis != before) names.emplace(before, axis);
  }
  if (names.empty()) return result;
  const auto rename = [&](Expr& expr) {
    if (expr) expr = pool_.rename(expr, names);
  };
  rename(result.binary);
  rename(result.shift);
  rename(result.inner);
  for (auto& [argument, count] : result.exponents) rename(argument);
  return result;
}

Term Rewriter::exponential(Expr expr) {
  const FunctionRow& row = row_of(expr->function);
  const std::vector<Expr> operand = {plain(expr->operands[0])};
  Names names;
  names.values = operand_names(operand);
  return {read_expr(pool_, row.factor, names),
          {{read_expr(pool_, row.exponent, names), 1}}};
}

/// Logarithms and signs know what they are of; so do the branches of a select.
/// A sign, and the power of a zero, are those of the factor.
Expr Rewriter::function(Expr expr) {
  const Function function = expr->function;
  if (domain_.is_used && function == Function::log) {
    const Term term = scaled(expr->operands[0]);
    std::vector<Expr> sum = {pool_.apply(Function::log, term.factor)};
    if (const Expr exponent = exponent_of(term)) sum.push_back(exponent);
    if (term.binary) {
      sum.push_back(constant(std::numbers::ln2) * term.binary);
    }
    return pool_.add(sum);
  }
  std::vector<Expr> operands;
  const bool is_of_factor =
      function == Function::sign || function == Function::zero_power;
  for (const Expr& operand : expr->operands) {
    if (domain_.is_used && is_of_factor && operands.empty()) {
      operands.push_back(scaled(operand).factor);
      continue;
    }
    const bool is_branch =
        domain_.is_used && function == Function::select && !operands.empty();
    operands.push_back(is_branch ? sum_of_terms(operand) : plain(operand));
  }
  return call(function, operands);
}

Term Rewriter::product(const Term& first, const Term& second) {
  const Term a = renamed_apart(first, second);
  const Term b = renamed_apart(second, a);
  if (a.shift && b.shift) {
    throw InternalError("product(): a sum is not linear in its scale.");
  }
  Term result = a;
  result.factor = a.factor * b.factor;
  if (b.shift) result.shift = b.shift;
  result.axes.insert(result.axes.end(), b.axes.begin(), b.axes.end());
  if (b.inner) result.inner = a.inner ? a.inner * b.inner : b.inner;
  for (const auto& [argument, count] : b.exponents) {
    const auto same =
        std::find_if(result.exponents.begin(), result.exponents.end(),
                     [&, a = argument](const auto& e) { return e.first == a; });
    if (same == result.exponents.end()) {
      result.exponents.emplace_back(argument, count);
    } else {
      same->second += count;
    }
  }
  std::sort(result.exponents.begin(), result.exponents.end(),
            [](const auto& x, const auto& y) {
              return stands_before(x.first, y.first);
            });
  if (b.binary) {
    result.binary = result.binary ? result.binary + b.binary : b.binary;
  }
  return result;
}

/// Returns a power of a term: one exponential if it is one, otherwise a factor.
Term Rewriter::power_of(const Node& node, Term base) {
  const bool is_exponential =
      base.factor->is_constant() && !base.exponents.empty();
  if (!is_exponential) return {pool_.with_operands(node, {value(base)})};
  base.factor = pool_.power(base.factor, node.value);
  for (auto& [argument, count] : base.exponents) count *= node.value;
  if (base.binary) base.binary = constant(node.value) * base.binary;
  return base;
}

/// Returns a power of a term with a factor that could leave the range of a
/// format: with binary exponents apart, and large powers as powers of powers.
Term Rewriter::scaled_power(const Node& node, Term base) {
  const double n = node.value;
  for (auto& [argument, count] : base.exponents) count *= n;
  if (base.binary) base.binary = constant(n) * base.binary;
  const Expr factor = base.factor;
  base.factor = constant(1);
  if (std::abs(n) <= 1 || has_feature_axes(factor)) {
    return product(
        base, {n == 1 ? pool_.whole(factor) : power(factor, n, node.kind)});
  }
  const double whole = std::trunc(std::abs(n) / kLargestPowerOfMantissa);
  const double step = std::copysign(kLargestPowerOfMantissa, n);
  const Term rest = power_of_mantissa(factor, n - whole * step, node.kind);
  if (whole == 0) return product(base, rest);
  const Term large = power_of_mantissa(factor, step, node.kind);
  const Term power_of_power =
      product(power_of_mantissa(large.factor, whole, NodeKind::power),
              {constant(1), {}, constant(whole) * large.binary});
  return product(base, product(power_of_power, rest));
}

Expr Rewriter::power(Expr base, double exponent, NodeKind kind) {
  return kind == NodeKind::power ? pool_.power(base, exponent)
                                 : pool_.power0(base, exponent);
}

/// Returns f**n as mantissa(f)**n * 2**(n*exponent(f)), with exponent 0 at 0.
Term Rewriter::power_of_mantissa(Expr f, double n, NodeKind kind) {
  if (n == 0) return {constant(1)};
  const Expr exponent = pool_.apply(Function::exponent, f);
  const Expr size =
      call(Function::select,
           {exponent - constant(kLowestExponent), exponent, constant(0)});
  const Expr mantissa = pool_.apply(Function::mantissa, f);
  return {power(mantissa, n, kind), {}, constant(n) * size};
}

/// Adds terms on the scale of the largest one, without those that are 0: one
/// of them may lie far above that scale.
Term Rewriter::on_one_scale(const Terms& terms) {
  if (terms.size() == 1) return terms[0];
  const bool is_shifted =
      std::any_of(terms.begin(), terms.end(),
                  [](const Term& term) { return bool(term.shift); });
  if (is_shifted) {
    throw InternalError("on_one_scale(): these terms have a scale.");
  }
  std::vector<Expr> sizes;
  for (const Term& term : terms) sizes.push_back(size(term, 1));
  sizes.push_back(constant(kLowestScale));
  // An infinite term makes the sum infinite on any scale but its own.
  const Expr largest = pool_.maximum(sizes);
  const Expr scale =
      call(Function::select, {constant(0) * largest, largest, constant(0)});
  Term result{constant(0), {{scale, 1}}};
  for (const Term& term : terms) {
    const Expr exponent = exponent_of(term);
    Term part{
        term.factor, {{exponent ? exponent - scale : -scale, 1}}, term.binary};
    result.factor = result.factor + value(part, /*has_zeros=*/true);
  }
  return result;
}

/// Returns the sum of the n_k a_k in a unit, or nothing where there is none.
/// The unit divides each of them: those of a row or column once for all pairs.
Expr Rewriter::exponent_of(const Term& term, double unit) {
  std::vector<Expr> sum;
  for (const auto& [argument, count] : term.exponents) {
    sum.push_back(constant(count / unit) * argument);
  }
  return sum.empty() ? Expr() : pool_.add(sum);
}

/// Returns the exponent in units of a scale. It is rounded before the scale is
/// subtracted, in the scale itself as in what is on it.
Expr Rewriter::rounded_exponent(const Term& term, double unit) {
  const Expr exponent = exponent_of(term, unit);
  return exponent ? pool_.apply(Function::rounded, exponent) : exponent;
}

Expr Rewriter::size(const Term& term, double unit) {
  std::vector<Expr> sum;
  if (const Expr exponent = rounded_exponent(term, unit)) {
    sum.push_back(exponent);
  }
  const Expr digit = constant(std::numbers::ln2 / unit);
  if (term.binary) sum.push_back(digit * term.binary);
  if (!term.factor->is_constant()) {
    sum.push_back(digit * pool_.apply(Function::exponent, term.factor));
  } else if (std::abs(term.factor->value) != 1) {
    sum.push_back(constant(std::log(std::abs(term.factor->value)) / unit));
  }
  return pool_.add(sum);
}

/// Returns the value of a term with a factor that could be 0 where the
/// exponential is infinite. Its root, which overflows less and is capped, goes
/// to the factors with feature axes and to the others. Off the scale of a
/// logarithm an exponential overflows as that of the formula does: there the
/// former, which are many, are multiplied by the exponential as they are.
Expr Rewriter::value_with_zeros(const Term& term) {
  const bool is_product = term.factor->kind == NodeKind::multiply;
  std::vector<Expr> outside;
  std::vector<Expr> features;
  std::vector<Expr> zeros;
  for (const Expr& each :
       is_product ? term.factor->operands : std::vector<Expr>{term.factor}) {
    const bool is_feature = has_feature_axes(each);
    const bool is_outside = (each->is_constant() && each->value != 0) ||
                            (is_feature && !term.shift);
    (is_outside ? outside : is_feature ? features : zeros).push_back(each);
  }
  if (features.empty() && zeros.empty()) return {};
  const Expr root = pool_.apply(
      Function::exp2,
      pool_.apply(Function::capped, power_of_two(term, /*is_base_4=*/true)));
  outside.push_back(summed(
      term, call(Function::times_square,
                 {pool_.multiply(features), pool_.multiply(zeros), root})));
  return pool_.multiply(outside);
}

/// Returns the open sum of a term over its inner factor times an exponential.
Expr Rewriter::summed(const Term& term, Expr exponential) {
  if (term.inner) exponential = term.inner * exponential;
  for (const Axis& axis : term.axes) exponential = pool_.sum(axis, exponential);
  return exponential;
}

/// Returns the logarithm of the exponential of a term to the base 4, or to
/// the base 2.
Expr Rewriter::power_of_two(const Term& term, bool is_base_4) {
  const double unit = is_base_4 ? 1 : 2;
  std::vector<Expr> sum;
  if (term.shift) {
    const Expr exponent = rounded_exponent(term, kShiftUnit);
    const Expr scaled = exponent ? exponent - term.shift : -term.shift;
    sum.push_back(constant(unit) * pool_.apply(Function::rounded, scaled));
  } else if (const Expr exponent = exponent_of(term)) {
    sum.push_back(constant(unit / kShiftUnit) * exponent);
  }
  if (term.binary) sum.push_back(constant(unit / 2) * term.binary);
  return pool_.add(sum);
}

/// Returns a term's value. With `has_zeros` its factor may be 0 where its
/// exponential overflows.
Expr Rewriter::value(const Term& term, bool has_zeros) {
  if (term.is_plain()) return term.factor;
  if (domain_.is_used && has_zeros) {
    if (const Expr result = value_with_zeros(term)) return result;
  }
  const bool is_natural = !term.binary && !term.shift;
  const Expr exponential =
      is_natural ? pool_.apply(Function::exp, exponent_of(term))
                 : pool_.apply(Function::exp2,
                               power_of_two(term, /*is_base_4=*/false));
  return term.factor * summed(term, exponential);
}

/// Returns the scale if an expression is exp2(-2*shift), otherwise nothing.
Expr Rewriter::shift_in(Expr expr) {
  if (!domain_.is_used || expr->function != Function::exp2) return {};
  const Expr exponent = expr->operands[0];
  const bool is_double = exponent->kind == NodeKind::multiply &&
                         exponent->operands.size() == 2 &&
                         exponent->operands[0]->is_constant() &&
                         exponent->operands[0]->value == -2;
  if (!is_double) return {};
  const Expr load = exponent->operands[1];
  const bool is_shift =
      load->kind == NodeKind::load && load->argument == kShift;
  return is_shift ? load : Expr();
}

}  // namespace

MapReduce apply_log_domain(const MapReduce& map_reduce,
                           const LogDomain& domain) {
  MapReduce result = copy_of(map_reduce);
  Rewriter rewriter(*result.pool, domain);
  for (Output& output : result.outputs) {
    rewriter.rewrite(output);
  }
  return result;
}

bool has_constant_factors(const MapReduce& map_reduce) {
  const MapReduce copy = copy_of(map_reduce);
  Rewriter rewriter(*copy.pool, {true});
  for (const Output& output : copy.outputs) {
    for (const Term& term : grouped(rewriter.terms(output.value))) {
      if (!term.factor->is_constant()) return false;
    }
  }
  return true;
}

}  // namespace gramless
