// SPDX-License-Identifier: MIT
// Implements the evaluation of a block of pairs.
#include "gramless/backend/reference/evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gramless/error.h"

namespace gramless::reference {
namespace {

using Lanes = std::array<double, kLanes>;

int64_t product(const std::vector<Axis>& axes) {
  int64_t result = 1;
  for (const Axis& axis : axes) result *= axis.extent;
  return result;
}

/// Calls `visit(offsets)` for each position on the axes, the last axis
/// fastest; `offsets` has one entry for each row of `strides`.
template <class Visit>
void for_each_position(const std::vector<int64_t>& extents,
                       const std::vector<std::vector<int64_t>>& strides,
                       Visit visit) {
  if (std::count(extents.begin(), extents.end(), 0) > 0) return;
  std::vector<int64_t> offsets(strides.size(), 0);
  std::vector<int64_t> position(extents.size(), 0);
  while (true) {
    visit(offsets);
    std::size_t axis = extents.size();
    while (true) {
      if (axis == 0) return;
      --axis;
      const bool wraps = ++position[axis] == extents[axis];
      for (std::size_t k = 0; k < strides.size(); ++k) {
        const int64_t stride = strides[k][axis];
        offsets[k] += wraps ? stride * (1 - extents[axis]) : stride;
      }
      if (!wraps) break;
      position[axis] = 0;
    }
  }
}

/// Returns `count` numbers of an element, repeated into `scratch` if it has
/// one.
const double* spread(const double* element, bool has_lanes, int64_t count,
                     Lanes& scratch) {
  if (has_lanes || count == 1) return element;
  std::fill_n(scratch.begin(), count, element[0]);
  return scratch.data();
}

/// Adds a block to another one, or multiplies it by another one.
void combine(NodeKind kind, double* result, const double* other,
             int64_t count) {
  for (int64_t k = 0; k < count; ++k) {
    result[k] =
        kind == NodeKind::add ? result[k] + other[k] : result[k] * other[k];
  }
}

}  // namespace

BoundArray bind(const ArrayView& view) {
  const std::size_t rank = view.shape.size();
  return {view, rank == 2 ? view.strides[0] : 0,
          rank == 0 ? 0 : view.strides[rank - 1]};
}

Values::Values(std::span<const Slot> slots, int64_t rows) {
  std::array<int64_t, 5> sizes{};
  for (const Slot& slot : slots) {
    sizes[static_cast<std::size_t>(slot.stage)] +=
        slot.elements * (slot.has_lanes ? kLanes : 1);
  }
  row_size_ = sizes[static_cast<std::size_t>(Stage::kept)];
  sizes[static_cast<std::size_t>(Stage::kept)] *= rows;
  for (std::size_t stage = 0; stage < sizes.size(); ++stage) {
    storage_[stage].resize(static_cast<std::size_t>(sizes[stage]));
  }
}

double* Values::at(const Slot& slot, int64_t row) {
  const int64_t base = slot.stage == Stage::kept ? row * row_size_ : 0;
  return storage_[static_cast<std::size_t>(slot.stage)].data() + base +
         slot.offset;
}

Evaluator::Evaluator(const Program& program,
                     std::span<const ArrayView> arguments)
    : program_(program) {
  for (const ArrayView& view : arguments) arguments_.push_back(bind(view));
  std::array<int64_t, 5> used{};
  const std::vector<bool> is_scaled = scaled_values(program);
  for (std::size_t k = 0; k < program.instructions.size(); ++k) {
    const Instruction& instruction = program.instructions[k];
    const Stage stage =
        is_scaled[k] ? Stage::scaled : stage_of(instruction.rate);
    const bool has_lanes = stage != Stage::call && stage != Stage::kept;
    int64_t& offset = used[static_cast<std::size_t>(stage)];
    slots_.push_back({stage, offset, product(instruction.axes), has_lanes});
    offset += slots_.back().elements * (has_lanes ? kLanes : 1);
    std::vector<Axis> axes = instruction.axes;
    if (instruction.kind == NodeKind::sum) axes.push_back(instruction.axis);
    steps_.push_back(make_step(axes, instruction.operands));
  }
}

Stage Evaluator::stage_of(Rate rate) const {
  switch (rate) {
    case Rate::call:
      return Stage::call;
    case Rate::pair:
      return Stage::pair;
    case Rate::row:
      return program_.kept == Kept::rows ? Stage::kept : Stage::reduced;
    case Rate::column:
      return program_.kept == Kept::rows ? Stage::reduced : Stage::kept;
  }
  throw InternalError("stage_of(): unknown rate.");
}

Evaluator::Step Evaluator::make_step(const std::vector<Axis>& axes,
                                     std::span<const Use> operands) const {
  Step step;
  for (const Axis& axis : axes) step.extents.push_back(axis.extent);
  for (const Use& operand : operands) {
    std::vector<int64_t> strides(axes.size(), 0);
    int64_t stride = 1;
    for (std::size_t k = operand.axes.size(); k-- > 0;) {
      const auto index = std::find(axes.begin(), axes.end(), operand.axes[k]);
      strides[static_cast<std::size_t>(index - axes.begin())] += stride;
      stride *= operand.axes[k].extent;
    }
    step.strides.push_back(std::move(strides));
  }
  return step;
}

int64_t Evaluator::elements_per_pair() const {
  int64_t elements = 1;
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    const Stage stage = slots_[k].stage;
    if (stage != Stage::pair && stage != Stage::scaled) continue;
    const Instruction& instruction = program_.instructions[k];
    const bool is_sum = instruction.kind == NodeKind::sum;
    elements += slots_[k].elements * (is_sum ? instruction.axis.extent : 1);
  }
  return elements;
}

void Evaluator::evaluate(Stage stage, Values& values, int64_t row,
                         int64_t index, Block block) const {
  for (std::size_t k = 0; k < slots_.size(); ++k) {
    const Slot& slot = slots_[k];
    if (slot.stage != stage) continue;
    switch (program_.instructions[k].kind) {
      case NodeKind::constant:
        values.at(slot, row)[0] = program_.instructions[k].value;
        break;
      case NodeKind::load:
        load(k, values.at(slot, row), index, block);
        break;
      case NodeKind::at:
        std::fill_n(values.at(slot, row), slot.elements, -1.0);
        values.at(
            slot,
            row)[static_cast<std::size_t>(program_.instructions[k].value)] = 0;
        break;
      default:
        compute(k, values, row, slot.has_lanes ? block.count : 1);
    }
  }
}

BoundArray Evaluator::array_of(const Instruction& load, Block block) const {
  if (!loads_scale(program_, load)) return arguments_[load.argument];
  return {{block.scales, DType::float64, {}, {}, {}}, 0, 1};
}

const std::vector<Axis>& Evaluator::features_of(const Instruction& load) const {
  if (!loads_scale(program_, load)) {
    return program_.arguments[load.argument].features;
  }
  for (const ProgramOutput& output : program_.outputs) {
    if (!row_of(output.reduction).has_scale) continue;
    return program_.results[output.output].features;
  }
  throw InternalError("features_of(): no output has a scale.");
}

void Evaluator::load(std::size_t position, double* element, int64_t index,
                     Block block) const {
  const Instruction& instruction = program_.instructions[position];
  const BoundArray array = array_of(instruction, block);
  const std::vector<Axis>& features = features_of(instruction);
  // Elements are row-major over the array's own feature axes.
  const std::vector<Axis>& axes = instruction.axes;
  std::vector<int64_t> extents;
  for (const Axis& axis : axes) extents.push_back(axis.extent);
  std::vector<int64_t> strides(axes.size(), 0);
  int64_t fixed = 0;
  int64_t stride = 1;
  for (std::size_t k = features.size(); k-- > 0;) {
    const Index& used = instruction.indices[k];
    if (const Axis* axis = std::get_if<Axis>(&used)) {
      const auto found = std::find(axes.begin(), axes.end(), *axis);
      strides[static_cast<std::size_t>(found - axes.begin())] += stride;
    } else {
      fixed += std::get<int64_t>(used) * stride;
    }
    stride *= features[k].extent;
  }
  const bool has_lanes = slots_[position].has_lanes;
  const int64_t first = has_lanes ? block.first : index;
  const int64_t count = has_lanes ? block.count : 1;
  for_each_position(extents, {strides}, [&](const auto& offsets) {
    const int64_t offset = (fixed + offsets[0]) * array.element_stride;
    for (int64_t lane = 0; lane < count; ++lane) {
      element[lane] = array.view.at((first + lane) * array.row_stride + offset);
    }
    element += has_lanes ? kLanes : 1;
  });
}

void Evaluator::clamp(double* values, int64_t count) const {
  const bool is_single = std::any_of(
      arguments_.begin(), arguments_.end(), [](const BoundArray& array) {
        return array.view.dtype == DType::float32;
      });
  if (!is_single) return;
  constexpr double kQuarter = std::numeric_limits<float>::max() / 4;
  for (int64_t k = 0; k < count; ++k) {
    if (!std::isfinite(values[k])) continue;
    values[k] = std::clamp(values[k], -kQuarter, kQuarter);
  }
}

void Evaluator::compute(std::size_t position, Values& values, int64_t row,
                        int64_t count) const {
  const Instruction& instruction = program_.instructions[position];
  const Step& step = steps_[position];
  const Slot& slot = slots_[position];
  const int64_t width = slot.has_lanes ? kLanes : 1;
  const bool is_sum = instruction.kind == NodeKind::sum;
  std::vector<const double*> bases;
  std::vector<const Slot*> sources;
  for (const Use& operand : instruction.operands) {
    sources.push_back(&slots_[static_cast<std::size_t>(operand.value)]);
    bases.push_back(values.at(*sources.back(), row));
  }
  Lanes scratch;
  std::array<Lanes, kMostOperands> spreads;
  const auto operand = [&](std::size_t k, int64_t offset) {
    const int64_t stride = sources[k]->has_lanes ? kLanes : 1;
    return spread(bases[k] + offset * stride, sources[k]->has_lanes, count,
                  spreads.at(k % kMostOperands));
  };
  const auto operands_at = [&](const auto& offsets) {
    Operands operands{};
    for (std::size_t k = 0; k < bases.size(); ++k) {
      operands.at(k) = operand(k, offsets[k]);
    }
    return operands;
  };
  double* element = values.at(slot, row);
  if (is_sum) std::fill_n(element, slot.elements * width, 0.0);
  int64_t summed = 0;
  for_each_position(step.extents, step.strides, [&](const auto& offsets) {
    double* result = is_sum ? scratch.data() : element;
    const double* first = operand(0, offsets[0]);
    switch (instruction.kind) {
      case NodeKind::function:
        row_of(instruction.function)
            .evaluate(operands_at(offsets), result, count);
        // The bound is that of the arrays' format.
        if (instruction.function == Function::bounded) clamp(result, count);
        break;
      case NodeKind::power:
      case NodeKind::power0:
        power(first, result, count, instruction.value,
              instruction.kind == NodeKind::power0);
        break;
      default:
        std::copy_n(first, count, result);
    }
    const bool is_combined = instruction.kind != NodeKind::function;
    for (std::size_t k = 1; is_combined && k < bases.size(); ++k) {
      combine(instruction.kind, result, operand(k, offsets[k]), count);
    }
    if (is_sum) {
      for (int64_t lane = 0; lane < count; ++lane)
        element[lane] += result[lane];
      if (++summed < instruction.axis.extent) return;
      summed = 0;
    }
    element += width;
  });
}

void Evaluator::for_each_element(const ProgramOutput& output, const Use& use,
                                 Values& values, int64_t row, Block block,
                                 const VisitElement& visit) const {
  const Slot& slot = slots_[static_cast<std::size_t>(use.value)];
  const double* base = values.at(slot, row);
  const Step step =
      make_step(program_.results[output.output].features, {&use, 1});
  Lanes scratch;
  int64_t element = 0;
  for_each_position(step.extents, step.strides, [&](const auto& offsets) {
    const double* numbers = base + offsets[0] * (slot.has_lanes ? kLanes : 1);
    const double* lanes = spread(numbers, slot.has_lanes, block.count, scratch);
    visit(element++, {lanes, static_cast<std::size_t>(block.count)});
  });
}

}  // namespace gramless::reference
