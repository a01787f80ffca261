// SPDX-License-Identifier: MIT
// Lowers map-reduces to programs.
#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "gramless/error.h"
#include "gramless/ir/reader.h"
#include "gramless/lower/program.h"

namespace gramless {
namespace {

Rate rate_of(const Node& node) {
  const bool has_i = node.depends_on(kAxisI);
  const bool has_j = node.depends_on(kAxisJ);
  if (has_i && has_j) return Rate::pair;
  if (has_i) return Rate::i;
  return has_j ? Rate::j : Rate::call;
}

std::vector<Axis> feature_axes(const std::vector<Axis>& axes) {
  std::vector<Axis> features;
  std::copy_if(axes.begin(), axes.end(), std::back_inserter(features),
               [](const Axis& axis) { return !is_pair_axis(axis); });
  return features;
}

class Lowering {
 public:
  Lowering(const MapReduce& map_reduce, PairIndex reduced) {
    program_.reduced = reduced;
    program_.arguments = map_reduce.arguments;
    program_.results = results_of(map_reduce);
  }

  /// Adds an output whose first result stands at `position`.
  void add_output(std::size_t position, const Output& output) {
    ProgramOutput lowered{position, {}, output.reduction};
    for (const ReductionResult& result : row_of(output.reduction).results) {
      lowered.finishes.push_back(lower_finish(output.reduction, result.finish));
    }
    lowered.value = lower(output.value);
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
    Lowering lowering(words, PairIndex::j);
    lowering.lower(read_expr(*words.pool, text, names));
    return std::move(lowering.program_.instructions);
  }

 private:
  int lower(Expr expr) {
    if (const auto done = done_.find(expr->id); done != done_.end()) {
      return done->second;
    }
    Instruction instruction;
    instruction.kind = expr->kind;
    instruction.rate = rate_of(*expr);
    instruction.axes = feature_axes(expr->free_axes);
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
        instruction.operands = by_rate(expr->kind, expr->operands);
        break;
      case NodeKind::power:
      case NodeKind::power0:
      case NodeKind::function:
        for (const Expr& operand : expr->operands) {
          instruction.operands.push_back(lower(operand));
        }
        break;
      case NodeKind::sum:
        instruction.operands =
            by_rate(NodeKind::multiply, factors_of(expr->operands[0]));
        break;
    }
    const int position = push(std::move(instruction));
    done_.emplace(expr->id, position);
    return position;
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

  /// Returns operands that have the same sum or product: those of a slower
  /// rate are combined among themselves first, and among those of one rate
  /// the ones without feature axes.
  std::vector<int> by_rate(NodeKind kind, const std::vector<Expr>& operands) {
    std::array<std::vector<int>, 4> groups;
    for (const Expr& operand : operands) {
      groups[static_cast<std::size_t>(rate_of(*operand))].push_back(
          lower(operand));
    }
    for (std::vector<int>& group : groups) combine_plain(kind, group);
    std::vector<int> combined;
    for (std::size_t rate = 0; rate < groups.size(); ++rate) {
      std::vector<int>& group = groups[rate];
      if (group.empty()) continue;
      // What is known per call joins the first group that follows.
      const bool joins = rate > 0 && combined.size() == 1 &&
                         rate_at(combined[0]) == Rate::call;
      if (joins) group.insert(group.begin(), combined[0]);
      if (joins) combined.clear();
      const bool is_last =
          std::all_of(groups.begin() + static_cast<std::ptrdiff_t>(rate) + 1,
                      groups.end(), [](const auto& g) { return g.empty(); });
      if (is_last && combined.empty()) return group;
      if (is_last && static_cast<Rate>(rate) == Rate::pair) {
        combined.insert(combined.end(), group.begin(), group.end());
      } else {
        combined.push_back(combine(kind, group));
      }
    }
    return combined;
  }

  void combine_plain(NodeKind kind, std::vector<int>& group) {
    const auto middle =
        std::stable_partition(group.begin(), group.end(), [&](int operand) {
          return program_.instructions[static_cast<std::size_t>(operand)]
              .axes.empty();
        });
    if (middle == group.begin() || middle == group.end()) return;
    const int plain = combine(kind, {group.begin(), middle});
    group.erase(group.begin(), middle);
    group.insert(group.begin(), plain);
  }

  [[nodiscard]] Rate rate_at(int position) const {
    return program_.instructions[static_cast<std::size_t>(position)].rate;
  }

  /// Adds the instruction that combines operands of one rate, if there are
  /// several.
  int combine(NodeKind kind, const std::vector<int>& operands) {
    if (operands.size() == 1) return operands[0];
    const auto [known, is_new] =
        combined_.emplace(std::pair(kind, operands),
                          static_cast<int>(program_.instructions.size()));
    if (!is_new) return known->second;
    Instruction instruction;
    instruction.kind = kind;
    instruction.operands = operands;
    for (const int operand : operands) {
      const Instruction& source =
          program_.instructions[static_cast<std::size_t>(operand)];
      instruction.rate = std::max(instruction.rate, source.rate);
      instruction.axes.insert(instruction.axes.end(), source.axes.begin(),
                              source.axes.end());
    }
    std::vector<Axis>& axes = instruction.axes;
    std::sort(axes.begin(), axes.end());
    axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
    return push(std::move(instruction));
  }

  int push(Instruction instruction) {
    program_.instructions.push_back(std::move(instruction));
    return static_cast<int>(program_.instructions.size()) - 1;
  }

  Program program_;
  std::unordered_map<int, int> done_;
  /// Where operands of one rate are combined.
  std::map<std::pair<NodeKind, std::vector<int>>, int> combined_;
};

}  // namespace

std::vector<Program> lower(const MapReduce& map_reduce) {
  const std::vector<Output>& outputs = map_reduce.outputs;
  const auto has = [&](PairIndex pair) {
    return std::any_of(outputs.begin(), outputs.end(),
                       [&](const Output& o) { return o.array.pair == pair; });
  };
  // Outputs that have neither i nor j join a sweep that is made anyway.
  const PairIndex home =
      has(PairIndex::i) || !has(PairIndex::j) ? PairIndex::i : PairIndex::j;
  std::vector<Program> programs;
  for (const PairIndex kept : {PairIndex::i, PairIndex::j}) {
    Lowering lowering(map_reduce,
                      kept == PairIndex::i ? PairIndex::j : PairIndex::i);
    std::size_t first = 0;
    for (const Output& output : outputs) {
      const PairIndex pair = output.array.pair;
      const bool is_here =
          pair == kept || (pair == PairIndex::none && kept == home);
      if (is_here) lowering.add_output(first, output);
      first += row_of(output.reduction).results.size();
    }
    Program program = lowering.finish();
    if (program.outputs.empty()) continue;
    program.structure = structure_text(program);
    programs.push_back(std::move(program));
  }
  return programs;
}

}  // namespace gramless
