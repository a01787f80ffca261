// SPDX-License-Identifier: MIT
// Finds what a block keeps of its pairs.
#include "gramless/plan/stored_values.h"

#include <algorithm>
#include <optional>
#include <set>

namespace gramless {
namespace {

/// Elements that are summed a few at a time, at least.
constexpr int64_t kLeastElements = 4;
/// Accumulators of those few: with vectors of 64 bytes there are 32 registers,
/// otherwise 16 or more.
constexpr int64_t kManyAccumulators = 16;
constexpr int64_t kBytesOfLongVectors = 64;

/// Finds what is kept of a pair: the last values in front of the scale. A
/// product that is added to something is computed again, as it was, fused with
/// the addition.
class StoredValues {
 public:
  StoredValues(const Program& program, const ProgramOutput& output,
               const TileShape& shape)
      : program_(program),
        output_(output),
        has_one_element_(has_one_element(program, output, shape)),
        is_scaled_(scaled_values(program)),
        is_visited_(program.instructions.size()) {}

  std::vector<int> find() {
    visit(output_.value.value);
    if (!has_one_element_) visit(output_.bound.value);
    return stored_;
  }

 private:
  [[nodiscard]] const Instruction& at(int value) const {
    return program_.instructions[static_cast<std::size_t>(value)];
  }

  void visit(int value) {
    const Instruction& instruction = at(value);
    const auto index = static_cast<std::size_t>(value);
    const bool is_packed =
        instruction.rate != Rate::pair || instruction.kind == NodeKind::load;
    if (is_packed || is_visited_[index]) return;
    is_visited_[index] = true;
    if (!is_scaled_[index] && is_one_element(instruction) && !is_fused(value)) {
      stored_.push_back(value);
      return;
    }
    for (const Use& operand : instruction.operands) visit(operand.value);
  }

  /// Whether a value has one element where it is used.
  [[nodiscard]] bool is_one_element(const Instruction& instruction) const {
    const std::vector<Axis>& axes = program_.results[output_.output].features;
    return std::all_of(instruction.axes.begin(), instruction.axes.end(),
                       [&](const Axis& axis) {
                         return has_one_element_ &&
                                std::count(axes.begin(), axes.end(), axis) > 0;
                       });
  }

  [[nodiscard]] bool is_fused(int value) const {
    return at(value).kind == NodeKind::multiply &&
           std::any_of(program_.instructions.begin(),
                       program_.instructions.end(),
                       [&](const Instruction& user) {
                         const std::vector<Use>& operands = user.operands;
                         return user.kind == NodeKind::add &&
                                std::any_of(operands.begin(), operands.end(),
                                            [&](const Use& operand) {
                                              return operand.value == value;
                                            });
                       });
  }

  const Program& program_;
  const ProgramOutput& output_;
  const bool has_one_element_;
  const std::vector<bool> is_scaled_;
  std::vector<bool> is_visited_;
  std::vector<int> stored_;
};

/// Finds what the elements of an output share: values of a pair that have no
/// axes. There is nothing if an element needs more than sums and products with
/// the same element of other values.
class SharedValues {
 public:
  SharedValues(const Program& program, const ProgramOutput& output)
      : program_(program),
        output_(output),
        is_visited_(program.instructions.size()) {}

  std::optional<std::vector<int>> find() {
    if (!visit(output_.value)) return std::nullopt;
    return shared_;
  }

 private:
  bool visit(const Use& use) {
    const auto index = static_cast<std::size_t>(use.value);
    const Instruction& instruction = program_.instructions[index];
    if (instruction.rate != Rate::pair || instruction.kind == NodeKind::load) {
      return true;
    }
    if (use.axes != instruction.axes) return false;
    if (is_visited_[index]) return true;
    is_visited_[index] = true;
    if (instruction.axes.empty()) {
      shared_.push_back(use.value);
      return true;
    }
    const bool is_cheap = instruction.kind == NodeKind::add ||
                          instruction.kind == NodeKind::multiply;
    return is_cheap &&
           std::ranges::all_of(instruction.operands,
                               [&](const Use& each) { return visit(each); });
  }

  const Program& program_;
  const ProgramOutput& output_;
  std::vector<bool> is_visited_;
  std::vector<int> shared_;
};

}  // namespace

bool has_one_element(const Program& program, const ProgramOutput& output,
                     const TileShape& shape) {
  const std::vector<Axis>& axes = program.results[output.output].features;
  return std::all_of(axes.begin(), axes.end(), [&](const Axis& axis) {
    return axis.extent == 1 && shape.is_unrolled(axis);
  });
}

namespace {

/// Where there are registers for the sums, what is kept for a block costs more
/// than it saves up to half of them.
int64_t least_elements(const TileShape& shape) {
  return shape.sum_registers > 0 ? shape.sum_registers / 2 + 1 : kLeastElements;
}

}  // namespace

bool has_many_elements(const Program& program, const ProgramOutput& output,
                       const TileShape& shape) {
  const ArraySpec& result = program.results[output.output];
  // The code of long axes is the same for all extents.
  const bool is_long = std::ranges::any_of(
      result.features,
      [&](const Axis& axis) { return !shape.is_unrolled(axis); });
  return output.reduction == Reduction::sum && output.kept == program.kept &&
         (is_long || result.width() >= least_elements(shape)) &&
         SharedValues(program, output).find().has_value();
}

bool has_accumulators(const Program& program, const ProgramOutput& output,
                      const TileShape& shape) {
  return !row_of(output.reduction).has_scale && !is_crossed(program, output) &&
         !has_many_elements(program, output, shape);
}

int elements_at_once(const TileShape& shape) {
  const bool has_many_registers =
      shape.lanes * dtype_size(shape.dtype) >= kBytesOfLongVectors;
  const int64_t accumulators = shape.sum_registers > 0 ? shape.sum_registers
                               : has_many_registers    ? kManyAccumulators
                                                       : kMostAccumulators;
  return static_cast<int>(
      std::max<int64_t>(1, accumulators / shape.kept_unroll));
}

std::vector<int> stored_values(const Program& program,
                               const ProgramOutput& output,
                               const TileShape& shape) {
  if (!row_of(output.reduction).has_scale) {
    return SharedValues(program, output).find().value();
  }
  return StoredValues(program, output, shape).find();
}

int64_t stored_registers(const Program& program, const TileShape& shape) {
  std::set<int> shared;
  int64_t registers = 0;
  for (const ProgramOutput& output : program.outputs) {
    const bool has_scale = row_of(output.reduction).has_scale;
    if (!has_scale && !has_many_elements(program, output, shape)) continue;
    const std::vector<int> values = stored_values(program, output, shape);
    if (has_scale) {
      registers += static_cast<int64_t>(values.size());
    } else {
      shared.insert(values.begin(), values.end());
    }
  }
  return (registers + static_cast<int64_t>(shared.size())) * shape.kept_unroll;
}

}  // namespace gramless
