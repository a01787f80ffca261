// SPDX-License-Identifier: MIT
// Prints programs.
#include "gramless/lower/program.h"

#include <algorithm>
#include <array>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/ir/printer.h"

namespace gramless {
namespace {

std::string use_text(const Program& program, const Use& use) {
  const Instruction& instruction =
      program.instructions[static_cast<std::size_t>(use.value)];
  if (instruction.kind == NodeKind::constant) {
    return number_text(instruction.value);
  }
  if (instruction.kind == NodeKind::at) {
    return concat("at(", use.axes[0].text(), ", ",
                  number_text(instruction.value), ")");
  }
  std::vector<std::string> axes;
  for (const Axis& axis : use.axes) axes.push_back(axis.text());
  const std::string name = concat("v", use.value);
  return axes.empty() ? name : concat(name, "[", join(axes, ","), "]");
}

std::string load_text(const Program& program, const Instruction& load) {
  const bool is_scale = loads_scale(program, load);
  const ArraySpec array =
      is_scale ? ArraySpec{std::string(kScale), PairIndex::none, {}}
               : program.arguments[load.argument];
  std::vector<std::string> indices;
  if (is_scale) {
    indices = {kAxisI.name, kAxisJ.name};
  } else if (array.pair != PairIndex::none) {
    indices.emplace_back(pair_index_name(array.pair));
  }
  for (const Index& index : load.indices) {
    const Axis* axis = std::get_if<Axis>(&index);
    indices.push_back(axis != nullptr
                          ? axis->text()
                          : std::to_string(std::get<int64_t>(index)));
  }
  return concat(array.name, "[", join(indices, ","), "]");
}

std::string instruction_text(const Program& program,
                             const Instruction& instruction) {
  std::vector<std::string> operands;
  for (const Use& operand : instruction.operands) {
    operands.push_back(use_text(program, operand));
  }
  switch (instruction.kind) {
    case NodeKind::constant:
      return number_text(instruction.value);
    case NodeKind::load:
      return load_text(program, instruction);
    case NodeKind::at:
      break;
    case NodeKind::add:
      return join(operands, " + ");
    case NodeKind::multiply:
      return join(operands, "*");
    case NodeKind::power:
      return concat(operands[0], "**", number_text(instruction.value));
    case NodeKind::power0:
      return concat("power0(", operands[0], ", ",
                    number_text(instruction.value), ")");
    case NodeKind::function:
      return concat(row_of(instruction.function).name, "(",
                    join(operands, ", "), ")");
    case NodeKind::sum:
      return concat("sum(", instruction.axis.text(), ", ", join(operands, "*"),
                    ")");
  }
  throw InternalError("instruction_text(): unknown kind.");
}

/// Returns `a[i] += v7` or, of what is no sum, with all its results and its
/// bound, `a[i] sum[i] shift[i] = log_sum_exp(v7 | v5)`.
std::string output_text(const Program& program, const ProgramOutput& output) {
  const ReductionRow& row = row_of(output.reduction);
  const std::string value = use_text(program, output.value);
  if (row.reduction == Reduction::sum) {
    const std::string factor =
        output.factor
            ? concat(", the sum times ", use_text(program, *output.factor))
            : "";
    return concat("    ", to_text(program.results[output.output]),
                  " += ", value, factor, "\n");
  }
  std::vector<std::string> arrays;
  for (std::size_t k = 0; k < row.results.size(); ++k) {
    arrays.push_back(to_text(program.results[output.output + k]));
  }
  const std::string bound =
      row.has_scale ? concat(" | ", use_text(program, output.bound)) : "";
  return concat("    ", join(arrays, " "), " = ", row.name, "(", value, bound,
                ")\n");
}

}  // namespace

namespace {

/// Counts what codegen/block_code emits.
class OperationCount {
 public:
  OperationCount(const Program& program, Rate rate,
                 const std::function<int64_t(const Instruction&)>& cost)
      : program_(program),
        rate_(rate),
        cost_(cost),
        is_needed_(program.instructions.size()) {}

  int64_t count() {
    int64_t total = 0;
    for (const ProgramOutput& output : program_.outputs) {
      if (rate_ != Rate::pair) break;
      const int64_t elements = program_.results[output.output].width();
      total += elements * add(output.value);
      if (row_of(output.reduction).has_scale) {
        total += elements * add(output.bound);
      }
    }
    for (std::size_t k = program_.instructions.size(); k-- > 0;) {
      const Instruction& instruction = program_.instructions[k];
      if (instruction.rate != rate_) {
        for (const Use& operand : instruction.operands) need(operand);
      } else if (is_needed_[k] || rate_ != Rate::pair) {
        int64_t elements = 1;
        for (const Axis& axis : instruction.axes) elements *= axis.extent;
        total += elements * count(instruction);
      }
    }
    return total;
  }

 private:
  /// Adds what a total takes to which a value is added.
  int64_t add(const Use& use) {
    const Instruction& term = at(use);
    const bool is_product =
        term.kind == NodeKind::multiply && term.rate == rate_;
    if (!is_product) {
      need(use);
      return 1;
    }
    for (const Use& factor : term.operands) need(factor);
    return static_cast<int64_t>(term.operands.size()) - 1;
  }

  int64_t count(const Instruction& instruction) {
    const std::vector<Use>& operands = instruction.operands;
    const auto number = static_cast<int64_t>(operands.size());
    switch (instruction.kind) {
      case NodeKind::constant:
      case NodeKind::load:
      case NodeKind::at:
        return 0;
      case NodeKind::add: {
        // What is no product comes first, and is not added to anything.
        int64_t total = 0;
        bool has_first = false;
        for (const Use& operand : operands) {
          const bool is_product = at(operand).kind == NodeKind::multiply &&
                                  at(operand).rate == rate_;
          if (is_product || has_first) total += add(operand);
          if (!is_product && !has_first) need(operand);
          has_first = has_first || !is_product;
        }
        return total;
      }
      case NodeKind::sum:
        for (const Use& operand : operands) need(operand);
        return instruction.axis.extent * std::max<int64_t>(1, number - 1) -
               (number == 1 ? 1 : 0);
      case NodeKind::multiply:
        for (const Use& operand : operands) need(operand);
        return number - 1;
      case NodeKind::power:
      case NodeKind::power0:
      case NodeKind::function:
        for (const Use& operand : operands) need(operand);
        return cost_ ? cost_(instruction) : 1;
    }
    throw InternalError("operations(): unknown kind.");
  }

  void need(const Use& use) {
    is_needed_[static_cast<std::size_t>(use.value)] = true;
  }

  [[nodiscard]] const Instruction& at(const Use& use) const {
    return program_.instructions[static_cast<std::size_t>(use.value)];
  }

  const Program& program_;
  Rate rate_;
  const std::function<int64_t(const Instruction&)>& cost_;
  std::vector<bool> is_needed_;
};

}  // namespace

int64_t operations(const Program& program, Rate rate,
                   const std::function<int64_t(const Instruction&)>& cost) {
  return OperationCount(program, rate, cost).count();
}

Program without_unused(const Program& program) {
  const std::size_t count = program.instructions.size();
  std::vector<bool> is_used(count);
  const auto use = [&](const Use& each) {
    is_used[static_cast<std::size_t>(each.value)] = true;
  };
  for (const ProgramOutput& output : program.outputs) {
    ProgramOutput::for_each_use(output, use);
  }
  for (std::size_t k = count; k-- > 0;) {
    if (!is_used[k]) continue;
    for (const Use& operand : program.instructions[k].operands) use(operand);
  }
  Program result = program;
  result.instructions.clear();
  std::vector<int> indices(count);
  const auto move = [&](Use& each) {
    each.value = indices[static_cast<std::size_t>(each.value)];
  };
  for (std::size_t k = 0; k < count; ++k) {
    if (!is_used[k]) continue;
    indices[k] = static_cast<int>(result.instructions.size());
    result.instructions.push_back(program.instructions[k]);
    for (Use& operand : result.instructions.back().operands) move(operand);
  }
  for (ProgramOutput& output : result.outputs) {
    ProgramOutput::for_each_use(output, move);
  }
  return result;
}

std::string_view kept_name(Kept kept) {
  switch (kept) {
    case Kept::rows:
      return "rows";
    case Kept::columns:
      return "columns";
    case Kept::neither:
      return "neither";
  }
  throw InternalError("kept_name(): unknown axis.");
}

Rate kept_rate(const Program& program) {
  return program.kept == Kept::rows ? Rate::row : Rate::column;
}

Rate reduced_rate(const Program& program) {
  return program.kept == Kept::rows ? Rate::column : Rate::row;
}

Kept other_axis(Kept kept) {
  return kept == Kept::rows ? Kept::columns : Kept::rows;
}

bool is_crossed(const Program& program, const ProgramOutput& output) {
  return output.kept == other_axis(program.kept);
}

bool has_crossed_outputs(const Program& program) {
  return std::any_of(
      program.outputs.begin(), program.outputs.end(),
      [&](const ProgramOutput& output) { return is_crossed(program, output); });
}

Use use_of(const Program& program, int value) {
  return {value, program.instructions[static_cast<std::size_t>(value)].axes};
}

std::string structure_text(const Program& program) {
  std::string text = concat(kept_name(program.kept), "\n");
  const auto add_axes = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) text += " " + axis.text();
  };
  const auto add_use = [&](const Use& use) {
    text += concat(" ", use.value);
    add_axes(use.axes);
  };
  const auto add_array = [&](const ArraySpec& array) {
    text += pair_index_name(array.pair);
    add_axes(array.features);
    text += array.is_wide ? " wide\n" : "\n";
  };
  for (const ArraySpec& array : program.arguments) add_array(array);
  for (const Instruction& instruction : program.instructions) {
    text += concat(static_cast<int>(instruction.kind), " ",
                   static_cast<int>(instruction.rate), " ",
                   static_cast<int>(instruction.function), " ",
                   number_text(instruction.value), " ", instruction.argument,
                   " ", instruction.axis.text());
    add_axes(instruction.axes);
    for (const Use& operand : instruction.operands) add_use(operand);
    for (const Index& index : instruction.indices) {
      const Axis* axis = std::get_if<Axis>(&index);
      text += axis != nullptr ? concat(" ", axis->text())
                              : concat(" @", std::get<int64_t>(index));
    }
    text += "\n";
  }
  for (const ProgramOutput& output : program.outputs) {
    text += concat(static_cast<int>(output.reduction));
    add_use(output.value);
    add_use(output.bound);
    if (output.factor) add_use(*output.factor);
    text += " ";
    add_array(program.results[output.output]);
  }
  return text;
}

std::string to_text(const Program& program) {
  constexpr std::array<std::pair<Rate, std::string_view>, 4> kRates = {{
      {Rate::call, "per call"},
      {Rate::row, "per row i"},
      {Rate::column, "per column j"},
      {Rate::pair, "per pair"},
  }};
  const std::string_view reduced =
      program.kept == Kept::rows ? "columns j" : "rows i";
  std::string text = concat(
      "sweep over ",
      has_crossed_outputs(program) ? "rows i and columns j" : reduced, "\n");
  for (const auto& [rate, title] : kRates) {
    std::string lines;
    for (std::size_t k = 0; k < program.instructions.size(); ++k) {
      const Instruction& instruction = program.instructions[k];
      const bool is_listed = instruction.rate == rate &&
                             instruction.kind != NodeKind::constant &&
                             instruction.kind != NodeKind::at;
      if (!is_listed) continue;
      lines += concat("    ",
                      use_text(program, use_of(program, static_cast<int>(k))),
                      " = ", instruction_text(program, instruction), "\n");
    }
    if (!lines.empty()) text += concat("  ", title, "\n", lines);
  }
  const bool is_sum =
      std::all_of(program.outputs.begin(), program.outputs.end(),
                  [](const ProgramOutput& output) {
                    return output.reduction == Reduction::sum;
                  });
  text += is_sum ? "  summed\n" : "  reduced\n";
  for (const ProgramOutput& output : program.outputs) {
    text += output_text(program, output);
  }
  return text;
}

bool loads_scale(const Program& program, const Instruction& instruction) {
  return instruction.kind == NodeKind::load &&
         instruction.argument == program.arguments.size();
}

std::vector<bool> scaled_values(const Program& program) {
  std::vector<bool> result;
  for (const Instruction& instruction : program.instructions) {
    result.push_back(
        loads_scale(program, instruction) ||
        std::any_of(instruction.operands.begin(), instruction.operands.end(),
                    [&](const Use& operand) {
                      return result[static_cast<std::size_t>(operand.value)];
                    }));
  }
  return result;
}

}  // namespace gramless
