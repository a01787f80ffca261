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
    return concat("    ", to_text(program.results[output.output]),
                  " += ", value, "\n");
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

Use use_of(const Program& program, int value) {
  return {value, program.instructions[static_cast<std::size_t>(value)].axes};
}

std::string structure_text(const Program& program) {
  std::string text = concat(pair_index_name(program.reduced), "\n");
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
    text += "\n";
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
    text += " ";
    add_array(program.results[output.output]);
  }
  return text;
}

std::string to_text(const Program& program) {
  constexpr std::array<std::pair<Rate, std::string_view>, 4> kRates = {{
      {Rate::call, "per call"},
      {Rate::i, "per i"},
      {Rate::j, "per j"},
      {Rate::pair, "per pair"},
  }};
  std::string text = concat("sweep over ", pair_index_name(program.reduced));
  text += "\n";
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
