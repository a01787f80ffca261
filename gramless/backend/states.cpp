// SPDX-License-Identifier: MIT
// Implements states, and evaluates what makes results of them.
#include "gramless/backend/states.h"

#include <array>

#include "gramless/error.h"

namespace gramless {
namespace {

/// A finish has so many instructions at most.
constexpr std::size_t kMostSteps = 16;

using Values = std::array<double, kMostSteps>;

double evaluate_step(const Instruction& step, const State& state,
                     const Values& values) {
  const auto operand = [&](std::size_t k) -> const double& {
    return values.at(static_cast<std::size_t>(step.operands[k].value));
  };
  double result = 0;
  switch (step.kind) {
    case NodeKind::constant:
      return step.value;
    case NodeKind::load:
      return state.at(step.argument);
    case NodeKind::add:
      for (std::size_t k = 0; k < step.operands.size(); ++k) {
        result += operand(k);
      }
      return result;
    case NodeKind::multiply:
      result = 1;
      for (std::size_t k = 0; k < step.operands.size(); ++k) {
        result *= operand(k);
      }
      return result;
    case NodeKind::function: {
      Operands operands{};
      for (std::size_t k = 0; k < step.operands.size(); ++k) {
        operands.at(k) = &operand(k);
      }
      row_of(step.function).evaluate(operands, &result, 1);
      return result;
    }
    case NodeKind::power:
    case NodeKind::power0:
    case NodeKind::at:
    case NodeKind::sum:
      break;
  }
  throw InternalError("evaluate_step(): no such step makes a result.");
}

double evaluate(const Finish& finish, const State& state) {
  const bool is_word = finish.size() == 1 && finish[0].kind == NodeKind::load;
  if (is_word) return state.at(finish[0].argument);
  Values values{};
  for (std::size_t k = 0; k < finish.size(); ++k) {
    values.at(k) = evaluate_step(finish[k], state, values);
  }
  return values.at(finish.size() - 1);
}

}  // namespace

States::States(const Program& program, const ProgramOutput& output,
               int64_t rows)
    : output_(output),
      row_(row_of(output.reduction)),
      rows_(rows),
      width_(program.results[output.output].width()),
      states_(static_cast<std::size_t>(rows * width_), row_.identity()) {}

void States::combine(const States& later) {
  for (std::size_t k = 0; k < states_.size(); ++k) {
    row_.combine(states_[k], later.states_[k]);
  }
}

void States::store(std::span<const MutableArrayView> results,
                   int64_t first) const {
  for (int64_t row = 0; row < rows_; ++row) {
    for (int64_t element = 0; element < width_; ++element) {
      State state = states_[static_cast<std::size_t>(row * width_ + element)];
      row_.settle(state);
      for (std::size_t k = 0; k < output_.finishes.size(); ++k) {
        const MutableArrayView& result = results[output_.output + k];
        const std::size_t axes = result.strides.size();
        const int64_t row_stride = axes == 2 ? result.strides[0] : 0;
        const int64_t element_stride = axes > 0 ? result.strides[axes - 1] : 0;
        result.store((first + row) * row_stride + element * element_stride,
                     evaluate(output_.finishes[k], state));
      }
    }
  }
}

}  // namespace gramless
