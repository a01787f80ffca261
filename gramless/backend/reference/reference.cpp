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

#include "gramless/backend/reference/evaluator.h"
#include "gramless/backend/totals.h"
#include "gramless/base/threads.h"

namespace gramless::reference {
namespace {

void store(const Totals& sums, const MutableArrayView& result, int64_t row,
           int64_t columns) {
  const BoundArray array =
      bind({result.data, result.dtype, result.shape, result.strides, {}});
  for (int64_t column = 0; column < columns; ++column) {
    result.store(row * array.row_stride + column * array.column_stride,
                 sums.total(static_cast<std::size_t>(column)));
  }
}

class Sweep {
 public:
  Sweep(const Program& program, Sizes sizes,
        std::span<const ArrayView> arguments,
        std::span<const MutableArrayView> results)
      : program_(program),
        results_(results),
        evaluator_(program, arguments),
        rows_(program.reduced == PairIndex::j ? sizes.M : sizes.N),
        reduced_(program.reduced == PairIndex::j ? sizes.N : sizes.M) {
    for (const ProgramOutput& output : program.outputs) {
      const ArraySpec& array = program.results[output.output];
      columns_.push_back(array.columns());
      if (array.pair == PairIndex::none) shared_columns_ += array.columns();
    }
    choose_tasks();
  }

  void run(const RunOptions& options) {
    const int threads =
        options.threads > 0 ? options.threads : default_thread_count();
    const bool is_small =
        static_cast<double>(rows_) * static_cast<double>(reduced_ * cells_) <
        kSmallSweep;
    partials_.resize(static_cast<std::size_t>(tasks_));
    parallel_for(tasks_, is_small ? 1 : threads, options.interrupt,
                 [&](int64_t task) { run_task(task); });
    for (std::size_t k = 0; k < columns_.size(); ++k) {
      const std::size_t output = program_.outputs[k].output;
      if (program_.results[output].pair != PairIndex::none) continue;
      Totals total(program_.reduction, columns_[k]);
      for (const auto& partial : partials_) total.merge(partial[k]);
      store(total, results_[output], 0, columns_[k]);
    }
  }

 private:
  static constexpr int64_t kChunkRows = 16;
  /// Cells that a task evaluates before it can be interrupted, about.
  static constexpr int64_t kTaskCells = int64_t{1} << 24;
  /// Numbers that all partial results of shared outputs hold, at most about.
  static constexpr int64_t kPartialNumbers = int64_t{1} << 22;
  /// Cells below which starting threads costs more than it saves.
  static constexpr double kSmallSweep = 1 << 16;

  void choose_tasks() {
    cells_ = evaluator_.cells_per_pair();
    const int64_t row_cells = std::max<int64_t>(1, reduced_ * cells_);
    task_rows_ = std::clamp<int64_t>(kTaskCells / row_cells, 1, kChunkRows);
    if (shared_columns_ > 0) {
      const int64_t most =
          std::clamp<int64_t>(kPartialNumbers / shared_columns_, 1, 1024);
      task_rows_ = std::max(task_rows_, (rows_ + most - 1) / most);
    }
    tasks_ = (rows_ + task_rows_ - 1) / task_rows_;
  }

  void run_task(int64_t task) {
    const int64_t first = task * task_rows_;
    const int64_t last = std::min(rows_, first + task_rows_);
    Values values(evaluator_.slots(), kChunkRows);
    evaluator_.evaluate(Stage::call, values, 0, 0, {});
    std::vector<Totals>& partial = partials_[static_cast<std::size_t>(task)];
    for (const int64_t columns : columns_) {
      partial.emplace_back(program_.reduction, columns);
    }
    for (int64_t row = first; row < last; row += kChunkRows) {
      run_chunk(row, std::min(kChunkRows, last - row), values, partial);
    }
  }

  void run_chunk(int64_t first, int64_t count, Values& values,
                 std::vector<Totals>& partial) {
    const auto rows = static_cast<std::size_t>(count);
    std::vector<std::vector<Totals>> sums(columns_.size());
    for (std::size_t k = 0; k < columns_.size(); ++k) {
      if (is_kept(k))
        sums[k].assign(rows, Totals(program_.reduction, columns_[k]));
    }
    for (int64_t row = 0; row < count; ++row) {
      evaluator_.evaluate(Stage::kept, values, row, first + row, {});
    }
    for (int64_t start = 0; start < reduced_; start += kLanes) {
      const Block block{start, std::min(kLanes, reduced_ - start)};
      evaluator_.evaluate(Stage::reduced, values, 0, 0, block);
      for (int64_t row = 0; row < count; ++row) {
        evaluator_.evaluate(Stage::pair, values, row, first + row, block);
        for (std::size_t k = 0; k < columns_.size(); ++k) {
          std::vector<double> terms(static_cast<std::size_t>(columns_[k]));
          evaluator_.reduce_block(program_.outputs[k], values, row, block,
                                  terms);
          (is_kept(k) ? sums[k][static_cast<std::size_t>(row)] : partial[k])
              .add(terms);
        }
      }
    }
    for (std::size_t k = 0; k < columns_.size(); ++k) {
      for (std::size_t row = 0; row < sums[k].size(); ++row) {
        store(sums[k][row], results_[program_.outputs[k].output],
              first + static_cast<int64_t>(row), columns_[k]);
      }
    }
  }

  [[nodiscard]] bool is_kept(std::size_t k) const {
    const std::size_t output = program_.outputs[k].output;
    return program_.results[output].pair != PairIndex::none;
  }

  const Program& program_;
  std::span<const MutableArrayView> results_;
  Evaluator evaluator_;
  int64_t rows_;
  int64_t reduced_;
  int64_t cells_ = 1;
  int64_t task_rows_ = 1;
  int64_t tasks_ = 0;
  int64_t shared_columns_ = 0;
  std::vector<int64_t> columns_;
  std::vector<std::vector<Totals>> partials_;
};

}  // namespace

void run(const Program& program, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options) {
  Sweep(program, sizes, arguments, results).run(options);
}

}  // namespace gramless::reference
