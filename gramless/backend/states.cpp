// SPDX-License-Identifier: MIT
// Implements states, and evaluates what makes results of them.
#include "gramless/backend/states.h"

#include <algorithm>
#include <array>

#include "gramless/error.h"

namespace gramless {
namespace {

/// A finish has so many instructions at most.
constexpr std::size_t kMostSteps = 16;
/// States that a finish is evaluated for at once.
constexpr std::size_t kChunk = 256;

/// Evaluates a finish for some states, instruction by instruction.
class FinishEvaluator {
 public:
  /// Returns the results of the states from `begin` on, at most kChunk.
  std::span<const double> evaluate(const Finish& finish,
                                   const StateWords& words, std::size_t begin,
                                   std::size_t count) {
    for (std::size_t k = 0; k < finish.size(); ++k) {
      double* const result = results_.at(k).data();
      values_.at(k) = finish[k].kind == NodeKind::load
                          ? words.at(finish[k].argument) + begin
                          : result;
      evaluate_step(finish[k], result, count);
    }
    return {values_.at(finish.size() - 1), count};
  }

 private:
  const double* operand(const Instruction& step, std::size_t k) {
    return values_.at(static_cast<std::size_t>(step.operands[k].value));
  }

  template <class Combine>
  void fold(const Instruction& step, double* result, std::size_t count,
            Combine combine) {
    std::copy_n(operand(step, 0), count, result);
    for (std::size_t k = 1; k < step.operands.size(); ++k) {
      const double* const other = operand(step, k);
      for (std::size_t n = 0; n < count; ++n) {
        result[n] = combine(result[n], other[n]);
      }
    }
  }

  void evaluate_step(const Instruction& step, double* result,
                     std::size_t count) {
    switch (step.kind) {
      case NodeKind::load:
        return;
      case NodeKind::constant:
        std::fill_n(result, count, step.value);
        return;
      case NodeKind::add:
        fold(step, result, count, [](double a, double b) { return a + b; });
        return;
      case NodeKind::multiply:
        fold(step, result, count, [](double a, double b) { return a * b; });
        return;
      case NodeKind::function: {
        Operands operands{};
        for (std::size_t k = 0; k < step.operands.size(); ++k) {
          operands.at(k) = operand(step, k);
        }
        row_of(step.function)
            .evaluate(operands, result, static_cast<int64_t>(count));
        return;
      }
      case NodeKind::power:
      case NodeKind::power0:
      case NodeKind::at:
      case NodeKind::sum:
        break;
    }
    throw InternalError("evaluate_step(): no such step makes a result.");
  }

  std::array<std::array<double, kChunk>, kMostSteps> results_;
  std::array<const double*, kMostSteps> values_ = {};
};

/// Stores numbers of whole rows, or of a part of one.
template <class T>
void store_numbers(const MutableArrayView& result, int64_t row, int64_t element,
                   int64_t width, std::span<const double> numbers) {
  const std::size_t axes = result.strides.size();
  const int64_t row_stride = axes == 2 ? result.strides[0] : 0;
  const int64_t element_stride = axes > 0 ? result.strides[axes - 1] : 0;
  T* const data = static_cast<T*>(result.data);
  for (const double number : numbers) {
    data[row * row_stride + element * element_stride] = static_cast<T>(number);
    if (++element < width) continue;
    element = 0;
    ++row;
  }
}

void store_numbers(const MutableArrayView& result, int64_t row, int64_t element,
                   int64_t width, std::span<const double> numbers) {
  switch (result.dtype) {
    case DType::float32:
      store_numbers<float>(result, row, element, width, numbers);
      return;
    case DType::float64:
      store_numbers<double>(result, row, element, width, numbers);
      return;
  }
  throw InternalError("store_numbers(): unknown dtype.");
}

/// Returns pointers to words of so many kinds, some numbers apart.
template <class Number>
std::array<Number*, kMostWords> pointers_to(Number* first, std::size_t stride,
                                            std::size_t kinds) {
  std::array<Number*, kMostWords> pointers{};
  for (std::size_t k = 0; k < kinds; ++k) pointers.at(k) = first + k * stride;
  return pointers;
}

}  // namespace

States::States(const Program& program, const ProgramOutput& output,
               int64_t rows)
    : output_(output),
      row_(row_of(output.reduction)),
      rows_(rows),
      width_(program.results[output.output].width()),
      words_(count() * row_.words.size()) {
  for (std::size_t k = 0; k < row_.words.size(); ++k) {
    if (row_.words[k].identity == 0) continue;
    std::ranges::fill(words(k), row_.words[k].identity);
  }
}

State States::get(int64_t row, int64_t element) const {
  State state{};
  const auto index = static_cast<std::size_t>(row * width_ + element);
  for (std::size_t k = 0; k < row_.words.size(); ++k) {
    state.at(k) = words_[k * count() + index];
  }
  return state;
}

void States::set(int64_t row, int64_t element, const State& state) {
  const auto index = static_cast<std::size_t>(row * width_ + element);
  for (std::size_t k = 0; k < row_.words.size(); ++k) {
    words_[k * count() + index] = state.at(k);
  }
}

void States::assign(int64_t first, const States& rows) {
  for (std::size_t k = 0; k < row_.words.size(); ++k) {
    std::copy_n(rows.words_.data() + k * rows.count(), rows.count(),
                words(k).data() + first * width_);
  }
}

void States::combine(const States& later) {
  row_.combine_all(pointers(0), later.pointers(0),
                   static_cast<int64_t>(count()));
}

void States::combine_rows(const States& rows) {
  for (int64_t row = 0; row < rows.rows_; ++row) {
    row_.combine_all(pointers(0), rows.pointers(row), width_);
  }
}

StateWords States::pointers(int64_t row) {
  return pointers_to(words_.data() + row * width_, count(), row_.words.size());
}

ConstStateWords States::pointers(int64_t row) const {
  return pointers_to(words_.data() + row * width_, count(), row_.words.size());
}

void States::store(std::span<const MutableArrayView> results, int64_t first) {
  const StateWords all = pointers(0);
  row_.settle(all, static_cast<int64_t>(count()));
  FinishEvaluator evaluator;
  for (std::size_t begin = 0; begin < count(); begin += kChunk) {
    const std::size_t length = std::min(kChunk, count() - begin);
    const auto row = static_cast<int64_t>(begin) / width_;
    const auto element = static_cast<int64_t>(begin) % width_;
    for (std::size_t k = 0; k < output_.finishes.size(); ++k) {
      store_numbers(
          results[output_.output + k], first + row, element, width_,
          evaluator.evaluate(output_.finishes[k], all, begin, length));
    }
  }
}

}  // namespace gramless
