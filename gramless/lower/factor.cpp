// SPDX-License-Identifier: MIT
// Implements the factoring: on lists of factors, first of terms, then of
// products.
#include "gramless/lower/factor.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "gramless/lower/numbering.h"

namespace gramless {
namespace {

using Factors = std::vector<Use>;

/// Returns which instructions must stay as they are.
std::vector<bool> find_fixed(const Program& program) {
  std::vector<bool> is_fixed(program.instructions.size());
  const auto fix = [&](const Use& use) {
    is_fixed[static_cast<std::size_t>(use.value)] = true;
  };
  for (const ProgramOutput& output : program.outputs) {
    if (is_gradient(program.results[output.output])) continue;
    ProgramOutput::for_each_use(output, fix);
  }
  for (std::size_t k = program.instructions.size(); k-- > 0;) {
    const Instruction& instruction = program.instructions[k];
    if (!is_fixed[k] && instruction.kind != NodeKind::function) continue;
    for (const Use& operand : instruction.operands) fix(operand);
  }
  return is_fixed;
}

/// Returns a use inside of a value as it is where the value is used.
Use moved(Use inner, const std::vector<Axis>& own, const Use& outer) {
  for (Axis& axis : inner.axes) {
    const auto found = std::find(own.begin(), own.end(), axis);
    if (found == own.end()) continue;
    axis = outer.axes[static_cast<std::size_t>(found - own.begin())];
  }
  return inner;
}

/// Rebuilds a program, with some sums and products per pair as lists of
/// factors that have no instruction yet.
class Rebuilding {
 public:
  explicit Rebuilding(const Program& source)
      : source_(source), is_fixed_(find_fixed(source)) {
    result_ = source;
    result_.instructions.clear();
    result_.outputs.clear();
  }

  /// Returns whether a sum or product may be regrouped.
  [[nodiscard]] bool is_free(std::size_t value) const {
    const Instruction& instruction = source_.instructions[value];
    return !is_fixed_[value] && instruction.rate == Rate::pair &&
           (instruction.kind == NodeKind::add ||
            instruction.kind == NodeKind::multiply);
  }

  /// Calls `factors_of(value, instruction)` for all that is free, in order,
  /// and copies the rest.
  template <class FactorsOf>
  Program rebuild(const FactorsOf& factors_of) {
    for (std::size_t k = 0; k < source_.instructions.size(); ++k) {
      const Instruction& instruction = source_.instructions[k];
      factors_.push_back(is_free(k) ? factors_of(k, instruction)
                                    : Factors{copy(instruction)});
    }
    result_.outputs = source_.outputs;
    for (ProgramOutput& output : result_.outputs) {
      ProgramOutput::for_each_use(output,
                                  [&](Use& use) { use = value_of(use); });
    }
    return without_unused(result_);
  }

  /// Returns the factors of a value of the source where it is used.
  [[nodiscard]] Factors factors_at(const Use& use) const {
    const auto value = static_cast<std::size_t>(use.value);
    Factors factors = factors_[value];
    for (Use& factor : factors) {
      factor = moved(factor, source_.instructions[value].axes, use);
    }
    return factors;
  }

  /// Returns the instruction that multiplies factors: those over few axes
  /// first.
  Use product_of(const Factors& factors) {
    Factors rest = numbering_.by_rate(NodeKind::multiply, factors);
    std::map<std::set<Axis>, Factors> groups;
    for (const Use& factor : rest) groups[axes_of({factor})].push_back(factor);
    if (numbering_.rate_of(rest) != Rate::pair || groups.size() == 1) {
      return numbering_.combine(NodeKind::multiply, rest);
    }
    rest.clear();
    for (const auto& [axes, group] : groups) {
      rest.push_back(numbering_.combine(NodeKind::multiply, group));
    }
    while (rest.size() > 2) merge_smallest(rest);
    return numbering_.combine(NodeKind::multiply, rest);
  }

  Numbering& numbering() { return numbering_; }

 private:
  static std::set<Axis> axes_of(const Factors& factors) {
    std::set<Axis> axes;
    for (const Use& factor : factors) {
      axes.insert(factor.axes.begin(), factor.axes.end());
    }
    return axes;
  }

  /// Multiplies the two factors whose product has the fewest elements.
  void merge_smallest(Factors& factors) {
    Factors best;
    int64_t fewest = std::numeric_limits<int64_t>::max();
    for (std::size_t a = 0; a < factors.size(); ++a) {
      for (std::size_t b = a + 1; b < factors.size(); ++b) {
        int64_t elements = 1;
        for (const Axis& axis : axes_of({factors[a], factors[b]})) {
          elements *= axis.extent;
        }
        if (elements >= fewest) continue;
        fewest = elements;
        best = {factors[a], factors[b]};
      }
    }
    std::erase_if(factors, [&](const Use& factor) {
      return factor == best[0] || factor == best[1];
    });
    factors.insert(factors.begin(),
                   numbering_.combine(NodeKind::multiply, best));
  }

  Use value_of(const Use& use) { return product_of(factors_at(use)); }

  Use copy(Instruction instruction) {
    for (Use& operand : instruction.operands) operand = value_of(operand);
    return numbering_.add(std::move(instruction));
  }

  const Program& source_;
  std::vector<bool> is_fixed_;
  std::vector<Factors> factors_;
  Program result_;
  Numbering numbering_{result_};
};

/// Adds terms that share factors first.
class TermFactoring {
 public:
  explicit TermFactoring(const Program& program) : rebuilding_(program) {}

  Program run() {
    return rebuilding_.rebuild(
        [&](std::size_t, const Instruction& instruction) -> Factors {
          std::vector<Factors> lists;
          for (const Use& operand : instruction.operands) {
            lists.push_back(rebuilding_.factors_at(operand));
          }
          if (instruction.kind == NodeKind::add) return sum_of(lists);
          Factors all;
          for (const Factors& list : lists) {
            all.insert(all.end(), list.begin(), list.end());
          }
          return all;
        });
  }

 private:
  /// Returns the factors of a sum of products.
  Factors sum_of(std::vector<Factors> terms) {
    while (const std::optional<Use> shared = most_shared(terms)) {
      std::vector<Factors> others;
      std::vector<Factors> quotients;
      for (Factors& term : terms) {
        const auto found = std::find(term.begin(), term.end(), *shared);
        const bool has_it = term.size() > 1 && found != term.end();
        if (has_it) term.erase(found);
        (has_it ? quotients : others).push_back(std::move(term));
      }
      Factors product = sum_of(std::move(quotients));
      product.insert(product.begin(), *shared);
      if (others.empty()) return product;
      others.push_back(std::move(product));
      terms = std::move(others);
    }
    std::vector<Use> values;
    for (const Factors& term : terms) {
      values.push_back(rebuilding_.product_of(term));
    }
    Numbering& numbering = rebuilding_.numbering();
    return {numbering.combine(NodeKind::add,
                              numbering.by_rate(NodeKind::add, values))};
  }

  /// Returns the first of the factors that most of the terms have, if that is
  /// more than one. Terms of one factor do not count.
  static std::optional<Use> most_shared(const std::vector<Factors>& terms) {
    std::map<Use, int> counts;
    for (const Factors& term : terms) {
      if (term.size() == 1) continue;
      for (const Use& use : std::set<Use>(term.begin(), term.end())) {
        ++counts[use];
      }
    }
    const auto most = std::max_element(
        counts.begin(), counts.end(),
        [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == counts.end() || most->second < 2) return std::nullopt;
    return most->first;
  }

  Rebuilding rebuilding_;
};

/// Makes products from common parts. As long as two factors stand together in
/// several lists, the pair that most lists have becomes one factor: of the
/// products of all factors but one, that makes a tree.
class ProductFactoring {
 public:
  explicit ProductFactoring(const Program& program)
      : program_(program), rebuilding_(program) {}

  Program run() {
    find_lists();
    for (auto& [value, list] : lists_) count(list, 1);
    while (const std::optional<Pair> pair = most_common()) merge(*pair);
    return rebuilding_.rebuild(
        [&](std::size_t value, const Instruction& instruction) -> Factors {
          if (instruction.kind == NodeKind::add) return {sum(instruction)};
          const auto found = lists_.find(value);
          if (found == lists_.end()) return {};  // Parts of others alone.
          Factors factors;
          for (const int factor : found->second) {
            factors.push_back(value_of(factor));
          }
          return {rebuilding_.product_of(factors)};
        });
  }

 private:
  using List = std::vector<int>;
  using Pair = std::pair<int, int>;

  /// A factor: a use of the source, or the product of two others.
  struct Factor {
    Use use;
    std::optional<Pair> parts;
    std::set<Axis> axes;
  };

  /// Finds the factors of all products that are needed as values.
  void find_lists() {
    std::vector<bool> is_needed(program_.instructions.size());
    const auto need = [&](const Use& use) {
      is_needed[static_cast<std::size_t>(use.value)] = true;
    };
    for (const ProgramOutput& output : program_.outputs) {
      ProgramOutput::for_each_use(output, need);
    }
    for (std::size_t k = program_.instructions.size(); k-- > 0;) {
      if (!is_needed[k]) continue;
      const Instruction& instruction = program_.instructions[k];
      const bool is_product =
          instruction.kind == NodeKind::multiply && rebuilding_.is_free(k);
      Factors factors = instruction.operands;
      if (is_product) factors = flat(instruction);
      for (const Use& factor : factors) {
        need(factor);
        if (is_product) lists_[k].push_back(number(factor));
      }
    }
  }

  /// Returns the factors of a product and of those that it is made of.
  Factors flat(const Instruction& product) {
    Factors factors;
    for (const Use& operand : product.operands) {
      const auto value = static_cast<std::size_t>(operand.value);
      const Instruction& source = program_.instructions[value];
      if (source.kind != NodeKind::multiply || !rebuilding_.is_free(value)) {
        factors.push_back(operand);
        continue;
      }
      for (const Use& factor : flat(source)) {
        factors.push_back(moved(factor, source.axes, operand));
      }
    }
    return factors;
  }

  int number(const Use& use) {
    const auto [known, is_new] =
        numbers_.emplace(use, static_cast<int>(factors_.size()));
    if (is_new) {
      factors_.push_back({use, {}, {use.axes.begin(), use.axes.end()}});
    }
    return known->second;
  }

  /// Counts the pairs of a list, those of factors over the same axes.
  void count(const List& list, int change) {
    for (std::size_t a = 0; a < list.size(); ++a) {
      for (std::size_t b = a + 1; b < list.size(); ++b) {
        count(list[a], list[b], change);
      }
    }
  }

  void count(int a, int b, int change) {
    const auto axes = [&](int factor) -> const std::set<Axis>& {
      return factors_[static_cast<std::size_t>(factor)].axes;
    };
    if (a == b || axes(a) != axes(b)) return;
    const Pair pair = std::minmax(a, b);
    int& number = counts_[pair];
    ranks_.erase({-number, pair});
    number += change;
    if (number > 1) ranks_.emplace(-number, pair);
  }

  [[nodiscard]] std::optional<Pair> most_common() const {
    if (ranks_.empty()) return std::nullopt;
    return ranks_.begin()->second;
  }

  /// Makes a factor of two, in all lists that have both.
  void merge(const Pair& pair) {
    const auto merged = static_cast<int>(factors_.size());
    const Factor& first = factors_[static_cast<std::size_t>(pair.first)];
    factors_.push_back({{}, pair, first.axes});
    for (auto& [value, list] : lists_) {
      const auto a = std::find(list.begin(), list.end(), pair.first);
      if (a == list.end()) continue;
      const auto b = std::find(list.begin(), list.end(), pair.second);
      if (b == list.end()) continue;
      count(pair.first, pair.second, -1);
      *a = merged;
      list.erase(b);
      for (const int other : list) {
        if (other == merged) continue;
        count(pair.first, other, -1);
        count(pair.second, other, -1);
        count(merged, other, 1);
      }
    }
  }

  /// Returns the value of a factor in the program that is built.
  Use value_of(int factor) {
    const Factor& made = factors_[static_cast<std::size_t>(factor)];
    if (made.parts) {
      return rebuilding_.product_of(
          {value_of(made.parts->first), value_of(made.parts->second)});
    }
    return rebuilding_.factors_at(made.use)[0];
  }

  Use sum(Instruction instruction) {
    for (Use& operand : instruction.operands) {
      operand = rebuilding_.factors_at(operand)[0];
    }
    return rebuilding_.numbering().add(std::move(instruction));
  }

  const Program& program_;
  Rebuilding rebuilding_;
  std::map<std::size_t, List> lists_;
  std::map<Use, int> numbers_;
  std::vector<Factor> factors_;
  std::map<Pair, int> counts_;
  std::set<std::pair<int, Pair>> ranks_;
};

}  // namespace

Program factor(const Program& program) {
  const Program summed = TermFactoring(program).run();
  Program best = program;
  for (const Program* each : {&program, &summed}) {
    Program factored = ProductFactoring(*each).run();
    if (operations(factored, Rate::pair) < operations(best, Rate::pair)) {
      best = std::move(factored);
    }
  }
  return best;
}

}  // namespace gramless
