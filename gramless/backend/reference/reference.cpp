// SPDX-License-Identifier: MIT
// The reference backend: plain loops in float64, threaded over rows.
//
//   for each task: a range of rows of the kept axis        (threads)
//     for each chunk of its rows
//       for each block of the reduced axis
//         what depends on the block alone
//         for each row of the chunk: all pairs of row and block, summed
//
// Tasks, chunks and blocks depend on the sizes only, and partial results merge
// in a fixed order: the number of threads changes no bit.
#include <algorithm>
#include <cmath>
#include <limits>

#include "gramless/backend/reference/evaluator.h"
#include "gramless/backend/states.h"
#include "gramless/base/threads.h"

namespace gramless::reference {
namespace {

class Sweep {
 public:
  Sweep(const Program& program, Sizes sizes,
        std::span<const ArrayView> arguments,
        std::span<const MutableArrayView> results)
      : program_(program),
        results_(results),
        evaluator_(program, arguments),
        rows_(program.kept == Kept::rows ? sizes.M : sizes.N),
        reduced_(program.kept == Kept::rows ? sizes.N : sizes.M) {
    for (const ProgramOutput& output : program.outputs) {
      if (output.kept != Kept::neither) continue;
      shared_width_ += program.results[output.output].width();
    }
    choose_tasks();
  }

  void run(const RunOptions& options) {
    const int threads =
        options.threads > 0 ? options.threads : default_thread_count();
    const bool is_small =
        static_cast<double>(rows_) * static_cast<double>(reduced_ * elements_) <
        kSmallSweep;
    partials_.resize(static_cast<std::size_t>(tasks_));
    parallel_for(tasks_, {is_small ? 1 : threads, options.on_threads},
                 options.interrupt, [&](int64_t task) { run_task(task); });
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      if (is_kept(k)) continue;
      States total(program_, program_.outputs[k], 1);
      for (const auto& partial : partials_) total.combine(partial[k]);
      total.store(results_, 0);
    }
  }

 private:
  static constexpr int64_t kChunkRows = 16;
  /// Elements that a task evaluates before it can be interrupted, about.
  static constexpr int64_t kTaskElements = int64_t{1} << 24;
  /// Numbers that all partial results of shared outputs hold, at most about.
  static constexpr int64_t kPartialNumbers = int64_t{1} << 22;
  /// Elements below which starting threads costs more than it saves.
  static constexpr double kSmallSweep = 1 << 16;

  void choose_tasks() {
    elements_ = evaluator_.elements_per_pair();
    const int64_t row_elements = std::max<int64_t>(1, reduced_ * elements_);
    task_rows_ =
        std::clamp<int64_t>(kTaskElements / row_elements, 1, kChunkRows);
    if (shared_width_ > 0) {
      const int64_t most =
          std::clamp<int64_t>(kPartialNumbers / shared_width_, 1, 1024);
      task_rows_ = std::max(task_rows_, (rows_ + most - 1) / most);
    }
    tasks_ = (rows_ + task_rows_ - 1) / task_rows_;
  }

  void run_task(int64_t task) {
    const int64_t first = task * task_rows_;
    const int64_t last = std::min(rows_, first + task_rows_);
    Values values(evaluator_.slots(), kChunkRows);
    evaluator_.evaluate(Stage::call, values, 0, 0, {});
    std::vector<States>& partial = partials_[static_cast<std::size_t>(task)];
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      partial.emplace_back(program_, program_.outputs[k], is_kept(k) ? 0 : 1);
    }
    for (int64_t row = first; row < last; row += kChunkRows) {
      run_chunk(row, std::min(kChunkRows, last - row), values, partial);
    }
  }

  void run_chunk(int64_t first, int64_t count, Values& values,
                 std::vector<States>& partial) {
    std::vector<States> kept;
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      kept.emplace_back(program_, program_.outputs[k], is_kept(k) ? count : 0);
    }
    for (int64_t row = 0; row < count; ++row) {
      evaluator_.evaluate(Stage::kept, values, row, first + row, {});
    }
    for (int64_t start = 0; start < reduced_; start += kLanes) {
      const Block block{start, std::min(kLanes, reduced_ - start)};
      evaluator_.evaluate(Stage::reduced, values, 0, 0, block);
      for (int64_t row = 0; row < count; ++row) {
        evaluator_.evaluate(Stage::pair, values, row, first + row, block);
        for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
          const bool is_here = is_kept(k);
          reduce(program_.outputs[k], values, block,
                 {first + row, row, is_here ? row : 0},
                 is_here ? kept[k] : partial[k]);
        }
      }
    }
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      if (is_kept(k)) kept[k].store(results_, first);
    }
  }

  /// A row: its position on the kept axis, in the chunk, and among the states.
  struct Row {
    int64_t index;
    int64_t in_chunk;
    int64_t in_states;
  };

  /// Adds a block of a row to the states of an output.
  void reduce(const ProgramOutput& output, Values& values, Block block, Row row,
              States& states) {
    const ReductionRow& reduction = row_of(output.reduction);
    std::vector<State> parts(static_cast<std::size_t>(states.width()),
                             reduction.identity());
    std::vector<double> scales;
    if (reduction.has_scale) {
      scales = scales_of(output, values, block, row, states);
      block.scales = scales.data();
      for (std::size_t k = 0; k < parts.size(); ++k) {
        parts[k][kScaleWord] = scales[k];
        scales[k] = usable_scale(scales[k]);
      }
      evaluator_.evaluate(Stage::scaled, values, row.in_chunk, row.index,
                          block);
    }
    evaluator_.for_each_element(
        output, output.value, values, row.in_chunk, block,
        [&](int64_t element, std::span<const double> lanes) {
          State& part = parts[static_cast<std::size_t>(element)];
          reduction.reduce(lanes, block.first, part);
          State state = states.get(row.in_states, element);
          reduction.combine(state, part);
          states.set(row.in_states, element, state);
        });
  }

  /// Returns the scale of each element for a block.
  std::vector<double> scales_of(const ProgramOutput& output, Values& values,
                                Block block, Row row, States& states) {
    std::vector<double> scales;
    evaluator_.for_each_element(
        output, output.bound, values, row.in_chunk, block,
        [&](int64_t element, std::span<const double> lanes) {
          double largest = -std::numeric_limits<double>::infinity();
          for (const double lane : lanes) largest = std::fmax(largest, lane);
          scales.push_back(scale_of_block(
              states.get(row.in_states, element)[kScaleWord], largest));
        });
    return scales;
  }

  [[nodiscard]] bool is_kept(std::size_t k) const {
    return program_.outputs[k].kept != Kept::neither;
  }

  const Program& program_;
  std::span<const MutableArrayView> results_;
  Evaluator evaluator_;
  int64_t rows_;
  int64_t reduced_;
  int64_t elements_ = 1;
  int64_t task_rows_ = 1;
  int64_t tasks_ = 0;
  int64_t shared_width_ = 0;
  std::vector<std::vector<States>> partials_;
};

}  // namespace

void run(const Program& program, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options) {
  Sweep(program, sizes, arguments, results).run(options);
}

}  // namespace gramless::reference
