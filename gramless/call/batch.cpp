// SPDX-License-Identifier: MIT
// Implements batches.
#include "gramless/call/batch.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "gramless/base/threads.h"

namespace gramless {
namespace {

/// Pairs of a problem below which threads share the batch rather than the
/// problem, and of a batch below which starting them costs more than it saves.
constexpr double kSmall = 1 << 18;

/// Bytes of the results that wait to be added up.
constexpr int64_t kWaitingBytes = 1 << 20;

/// A result that problems share, while it is summed.
class SharedResult {
 public:
  explicit SharedResult(const BatchedArray<MutableArrayView>& result)
      : result_(result), view_(result.first()) {
    width_ = elements_in(view_.shape);
    sums_.resize(static_cast<std::size_t>(result.parts() * width_));
  }

  [[nodiscard]] int64_t bytes() const {
    return width_ * dtype_size(DType::float64);
  }

  /// Makes room for the results of some problems at once.
  void make_room(int64_t problems) {
    waiting_.resize(static_cast<std::size_t>(problems * width_));
  }

  [[nodiscard]] MutableArrayView room(int64_t place) {
    return {waiting_.data() + place * width_, DType::float64, view_.shape,
            row_major_strides(view_.shape), view_.device};
  }

  /// Adds the result of a problem that waits at a place.
  void add(int64_t problem, int64_t place) {
    double* to = sums_.data() + result_.part_of(problem) * width_;
    const double* from = waiting_.data() + place * width_;
    for (int64_t k = 0; k < width_; ++k) to[k] += from[k];
  }

  void store() const {
    for (int64_t part = 0; part < result_.parts(); ++part) {
      MutableArrayView view = view_;
      view.data = result_.part(part);
      store_part(view, sums_.data() + part * width_);
    }
  }

 private:
  static void store_part(const MutableArrayView& view, const double* from) {
    const bool has_rows = view.shape.size() == 2;
    const int64_t rows = has_rows ? view.shape[0] : 1;
    const int64_t columns = view.shape.empty() ? 1 : view.shape.back();
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        const int64_t offset =
            (has_rows ? row * view.strides[0] : 0) +
            (view.shape.empty() ? 0 : column * view.strides.back());
        view.store(offset, *from++);
      }
    }
  }

  const BatchedArray<MutableArrayView>& result_;
  MutableArrayView view_;
  int64_t width_ = 0;
  std::vector<double> sums_;
  std::vector<double> waiting_;
};

class BatchRun {
 public:
  BatchRun(const Batch& batch, const RunProblem& run, const RunOptions& how)
      : batch_(batch), run_(run), how_(how) {
    const int threads = how.threads > 0 ? how.threads : default_thread_count();
    how_.threads = threads;
    if (batch.pairs < kSmall) {
      const double pairs = batch.pairs * static_cast<double>(batch.problems);
      threads_ = pairs < kSmall ? 1 : threads;
      how_.threads = 1;
      std::swap(how_.interrupt, interrupt_);
    }
    int64_t bytes = 1;
    for (std::size_t k = 0; k < batch.results.size(); ++k) {
      if (!batch.results[k].is_shared()) continue;
      shared_.emplace_back(k, SharedResult(batch.results[k]));
      bytes += shared_.back().second.bytes();
    }
    at_once_ = batch.problems;
    if (!shared_.empty()) {
      at_once_ = std::clamp<int64_t>(kWaitingBytes / bytes, threads_,
                                     std::max<int64_t>(threads_, at_once_));
    }
    for (auto& [k, result] : shared_) result.make_room(at_once_);
  }

  void run() {
    for (int64_t first = 0; first < batch_.problems; first += at_once_) {
      const int64_t count = std::min(at_once_, batch_.problems - first);
      run_some(first, count);
      for (auto& [k, result] : shared_) {
        for (int64_t at = 0; at < count; ++at) result.add(first + at, at);
      }
    }
    for (const auto& [k, result] : shared_) result.store();
  }

 private:
  /// Runs problems at once: each thread takes some that follow one another, and
  /// looks for interrupts in front of them.
  void run_some(int64_t first, int64_t count) {
    const int64_t parts =
        std::min(count, std::max(8 * int64_t{threads_}, count / 64));
    parallel_for(
        parts, {threads_, how_.on_threads}, interrupt_, [&](int64_t part) {
          std::vector<ArrayView> arguments;
          std::vector<MutableArrayView> results;
          for (const auto& array : batch_.arguments) {
            arguments.push_back(array.first());
          }
          for (const auto& array : batch_.results) {
            results.push_back(array.first());
          }
          MemoryPool pool;
          RunOptions how = how_;
          if (how.threads == 1) how.pool = &pool;
          for (int64_t at = part * count / parts;
               at < (part + 1) * count / parts; ++at) {
            for (std::size_t k = 0; k < arguments.size(); ++k) {
              arguments[k].data = batch_.arguments[k].data_of(first + at);
            }
            for (std::size_t k = 0; k < results.size(); ++k) {
              results[k].data = batch_.results[k].data_of(first + at);
            }
            for (auto& [k, result] : shared_) results[k] = result.room(at);
            run_(arguments, results, how);
          }
        });
  }

  const Batch& batch_;
  const RunProblem& run_;
  RunOptions how_;
  int threads_ = 1;
  Interrupt interrupt_;
  std::vector<std::pair<std::size_t, SharedResult>> shared_;
  int64_t at_once_ = 0;
};

}  // namespace

bool broadcast(std::vector<int64_t>& batch, std::span<const int64_t> leading) {
  if (leading.size() > batch.size()) {
    batch.insert(batch.begin(), leading.size() - batch.size(), 1);
  }
  const std::size_t first = batch.size() - leading.size();
  for (std::size_t k = 0; k < leading.size(); ++k) {
    int64_t& extent = batch[first + k];
    if (extent == 1) extent = leading[k];
    if (leading[k] != 1 && leading[k] != extent) return false;
  }
  return true;
}

std::vector<int64_t> batch_of(std::span<const ArrayView> arrays) {
  std::vector<int64_t> batch;
  for (const ArrayView& array : arrays) {
    broadcast(batch, leading_dimensions(array.shape));
  }
  return batch;
}

void run_batch(const Batch& batch, const RunProblem& run,
               const RunOptions& how) {
  BatchRun(batch, run, how).run();
}

}  // namespace gramless
