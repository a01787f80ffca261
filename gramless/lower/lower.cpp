// SPDX-License-Identifier: MIT
// Lowers map-reduces to programs.
#include <algorithm>
#include <functional>
#include <unordered_map>

#include "gramless/error.h"
#include "gramless/ir/reader.h"
#include "gramless/lower/factor.h"
#include "gramless/lower/numbering.h"

namespace gramless {
namespace {

Rate rate_of(const Node& node) {
  const bool has_i = node.depends_on(kAxisI);
  const bool has_j = node.depends_on(kAxisJ);
  if (has_i && has_j) return Rate::pair;
  if (has_i) return Rate::row;
  return has_j ? Rate::column : Rate::call;
}

Kept kept_by(const ArraySpec& result) {
  switch (result.pair) {
    case PairIndex::i:
      return Kept::rows;
    case PairIndex::j:
      return Kept::columns;
    case PairIndex::none:
      return Kept::neither;
  }
  throw InternalError("kept_by(): unknown index.");
}

class Lowering {
 public:
  Lowering(const MapReduce& map_reduce, Kept kept) {
    program_.kept = kept;
    program_.arguments = map_reduce.arguments;
    program_.results = results_of(map_reduce);
  }

  /// Adds an output whose first result stands at `position`.
  void add_output(std::size_t position, const Output& output,
                  bool has_outer_factors) {
    ProgramOutput lowered{
        position, {}, output.reduction, kept_by(output.array)};
    for (const ReductionResult& result : row_of(output.reduction).results) {
      lowered.finishes.push_back(lower_finish(output.reduction, result.finish));
    }
    Expr value = output.value;
    if (has_outer_factors && is_gradient(output.array)) {
      const auto [outer, inner] =
          split_factors(at_first(value, output.array), lowered.kept);
      if (outer) lowered.factor = lower(outer);
      value = inner;
    }
    lowered.value = lower(value);
    if (output.bound) lowered.bound = lower(output.bound);
    program_.outputs.push_back(std::move(lowered));
  }

  Program finish() { return std::move(program_); }

  /// Lowers the expression that makes a result of the words of a state.
  static Finish lower_finish(Reduction reduction, std::string_view text) {
    MapReduce words{std::make_shared<ExprPool>(), {}, {}};
    Names names;
    for (const StateWord& word : row_of(reduction).words) {
      words.arguments.push_back({std::string(word.name), PairIndex::none, {}});
      names.values[std::string(word.name)] =
          load(*words.pool, words.arguments.back());
    }
    Lowering lowering(words, Kept::rows);
    lowering.lower(read_expr(*words.pool, text, names));
    return std::move(lowering.program_.instructions);
  }

 private:
  /// Returns a value of a result, whose axes with one position are at it.
  static Expr at_first(Expr value, const ArraySpec& result) {
    std::map<Axis, Index> names;
    for (const Axis& axis : result.features) {
      if (axis.extent == 1) names.emplace(axis, int64_t{0});
    }
    return names.empty() ? value : value->pool->rename(value, names);
  }

  /// Returns the product of the factors that an output's reduced axis does not
  /// change, nothing if there are none, and the product of the others.
  [[nodiscard]] std::pair<Expr, Expr> split_factors(Expr value,
                                                    Kept kept) const {
    const Kept swept = kept == Kept::neither ? program_.kept : kept;
    const Axis& reduced = swept == Kept::rows ? kAxisJ : kAxisI;
    std::vector<Expr> outer;
    std::vector<Expr> inner = {value};
    if (value->kind == NodeKind::multiply) inner = value->operands;
    const auto rest = std::stable_partition(
        inner.begin(), inner.end(),
        [&](const Expr& factor) { return factor->depends_on(reduced); });
    outer.assign(rest, inner.end());
    inner.erase(rest, inner.end());
    if (outer.empty() || inner.empty()) return {Expr(), value};
    ExprPool& pool = *value->pool;
    return {pool.multiply(outer), pool.multiply(inner)};
  }

  Use lower(Expr expr) {
    if (const auto done = done_.find(expr->id); done != done_.end()) {
      return done->second;
    }
    Instruction instruction;
    instruction.kind = expr->kind;
    instruction.rate = rate_of(*expr);
    instruction.value = expr->value;
    instruction.function = expr->function;
    instruction.axis = expr->axis;
    switch (expr->kind) {
      case NodeKind::constant:
      case NodeKind::at:
        break;
      case NodeKind::load:
        lower_load(*expr, instruction);
        break;
      case NodeKind::add:
      case NodeKind::multiply:
        instruction.operands =
            numbering_.by_rate(expr->kind, lower(expr->operands));
        break;
      case NodeKind::power:
      case NodeKind::power0:
      case NodeKind::function:
        instruction.operands = lower(expr->operands);
        break;
      case NodeKind::sum:
        instruction.operands = numbering_.by_rate(
            NodeKind::multiply, lower(factors_of(expr->operands[0])));
        break;
    }
    const Use use = numbering_.add(std::move(instruction));
    done_.emplace(expr->id, use);
    return use;
  }

  std::vector<Use> lower(const std::vector<Expr>& exprs) {
    std::vector<Use> uses;
    for (const Expr& expr : exprs) uses.push_back(lower(expr));
    return uses;
  }

  void lower_load(const Node& load, Instruction& instruction) {
    const std::vector<ArraySpec>& arguments = program_.arguments;
    const auto found = std::find_if(
        arguments.begin(), arguments.end(),
        [&](const ArraySpec& array) { return array.name == load.argument; });
    instruction.argument = static_cast<std::size_t>(found - arguments.begin());
    const bool is_scale = found == arguments.end();
    const std::ptrdiff_t first = is_scale                         ? 2
                                 : found->pair == PairIndex::none ? 0
                                                                  : 1;
    instruction.indices = {load.indices.begin() + first, load.indices.end()};
  }

  /// Returns the factors of the body of a sum, squares as two equal ones.
  static std::vector<Expr> factors_of(Expr body) {
    std::vector<Expr> factors = {body};
    if (body->kind == NodeKind::multiply) factors = body->operands;
    std::vector<Expr> result;
    for (const Expr& factor : factors) {
      const bool is_square =
          factor->kind == NodeKind::power && factor->value == 2;
      const Expr base = is_square ? factor->operands[0] : factor;
      result.insert(result.end(), is_square ? 2 : 1, base);
    }
    return result;
  }

  Program program_;
  Numbering numbering_{program_};
  std::unordered_map<int, Use> done_;
};

/// Lowers the outputs that `is_here` holds for, in a sweep that keeps an axis.
Program lower_sweep(const MapReduce& map_reduce, Kept kept,
                    bool has_outer_factors,
                    const std::function<bool(Kept)>& is_here) {
  Lowering lowering(map_reduce, kept);
  std::size_t first = 0;
  for (const Output& output : map_reduce.outputs) {
    if (is_here(kept_by(output.array))) {
      lowering.add_output(first, output, has_outer_factors);
    }
    first += row_of(output.reduction).results.size();
  }
  Program program = lowering.finish();
  if (program.outputs.empty()) return program;
  program = factor(program);
  program.structure = structure_text(program);
  return program;
}

bool is_any_kept(const MapReduce& map_reduce, Kept kept) {
  return std::any_of(
      map_reduce.outputs.begin(), map_reduce.outputs.end(),
      [&](const Output& output) { return kept_by(output.array) == kept; });
}

}  // namespace

std::vector<Program> lower(const MapReduce& map_reduce,
                           bool has_outer_factors) {
  // Outputs that keep neither axis join a sweep that is made anyway.
  const Kept with_neither = is_any_kept(map_reduce, Kept::rows) ||
                                    !is_any_kept(map_reduce, Kept::columns)
                                ? Kept::rows
                                : Kept::columns;
  std::vector<Program> programs;
  for (const Kept swept : {Kept::rows, Kept::columns}) {
    Program program =
        lower_sweep(map_reduce, swept, has_outer_factors, [&](Kept kept) {
          return kept == swept ||
                 (kept == Kept::neither && swept == with_neither);
        });
    if (!program.outputs.empty()) programs.push_back(std::move(program));
  }
  return programs;
}

bool has_crossed_sums(const MapReduce& map_reduce) {
  const bool has_sums = std::all_of(
      map_reduce.outputs.begin(), map_reduce.outputs.end(),
      [](const Output& output) { return output.reduction == Reduction::sum; });
  return has_sums && is_any_kept(map_reduce, Kept::rows) &&
         is_any_kept(map_reduce, Kept::columns);
}

Program lower_crossed(const MapReduce& map_reduce, Kept kept,
                      bool has_outer_factors) {
  return lower_sweep(map_reduce, kept, has_outer_factors,
                     [](Kept) { return true; });
}

}  // namespace gramless
