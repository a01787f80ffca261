// SPDX-License-Identifier: MIT
// The CPU backend: runs compiled tiles on threads.
//
//   what is computed per call, and the chunks of the reduced axis, packed
//   for each task: some rows, and a part of the reduced axis      (threads)
//     its rows, packed
//     for each chunk of its part
//       for each tile of its rows
//         the compiled tile
//   partial results, merged in a fixed order
//
// Tasks, chunks and tiles depend on the sizes only: the number of threads
// changes no bit.
#include <algorithm>
#include <atomic>
#include <thread>

#include "gramless/backend/backend.h"
#include "gramless/backend/cpu/buffer.h"
#include "gramless/backend/cpu/compiled_sweep.h"
#include "gramless/backend/cpu/denormals.h"
#include "gramless/backend/states.h"
#include "gramless/base/threads.h"

namespace gramless::cpu {
namespace {

/// Pairs below which starting threads costs more than it saves.
constexpr double kSmallSweep = 1 << 18;

ArrayPointer bind(const ArrayView& view) {
  const std::size_t axes = view.strides.size();
  return {view.data, axes == 2 ? view.strides[0] : 0,
          axes > 0 ? view.strides[axes - 1] : 0};
}

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

class Sweep {
 public:
  Sweep(const Program& program, Sizes sizes,
        std::span<const ArrayView> arguments,
        std::span<const MutableArrayView> results, const RunOptions& options)
      : program_(program),
        results_(results),
        options_(options),
        rows_(program.kept == Kept::rows ? sizes.M : sizes.N),
        reduced_(program.kept == Kept::rows ? sizes.N : sizes.M),
        dtype_(find_dtype(program.arguments, arguments)) {
    const Target target = host_target(options.forced.most);
    const Plan plan = make_plan(program, {rows_, reduced_}, dtype_,
                                target.vector_bytes, options.forced.plan);
    shape_ = plan.tile;
    schedule_ = plan.schedule;
    sweep_ = compiled_sweep(program, shape_, target);
    for (const auto& [name, extent] : long_axes(program, shape_)) {
      extents_.push_back(extent);
    }
    for (const ArrayView& view : arguments) arrays_.push_back(bind(view));
    call_elements_ = packed_elements(program, Rate::call);
    kept_elements_ = packed_elements(program, kept_rate(program));
    reduced_elements_ = packed_elements(program, reduced_rate(program));
    width_ = output_width(program);
    for (const ProgramOutput& output : program.outputs) {
      const auto words =
          static_cast<int64_t>(row_of(output.reduction).words.size());
      words_ = std::max(words_, words);
    }
  }

  void run() {
    const FlushDenormals flush;
    call_ = Buffer(bytes(call_elements_));
    sweep_->pack_call(arrays_.data(), extents_.data(), nullptr, call_.bytes(),
                      0, 1, 1, 0);
    const int64_t row_tasks = ceil_divide(rows_, schedule_.task_rows);
    const int64_t splits = schedule_.splits;
    pack_all_chunks();
    partials_.resize(static_cast<std::size_t>(row_tasks * splits));
    parallel(row_tasks * splits, [&](int64_t task) { run_task(task); });
    merge(row_tasks, splits);
  }

 private:
  /// The states of a task: for each output, of its rows, or of all together.
  using Partial = std::vector<States>;

  [[nodiscard]] int64_t bytes(int64_t numbers) const {
    return numbers * dtype_size(dtype_);
  }

  void parallel(int64_t count, const std::function<void(int64_t)>& task) {
    const bool is_small =
        static_cast<double>(rows_) * static_cast<double>(reduced_) <
        kSmallSweep;
    int threads = options_.threads;
    if (threads <= 0) threads = default_thread_count();
    parallel_for(count, is_small ? 1 : threads, options_.interrupt,
                 [&](int64_t index) {
                   const FlushDenormals flush;
                   task(index);
                 });
  }

  // The reduced axis.

  void pack_all_chunks() {
    if (!schedule_.is_packed_once) return;
    const int64_t chunks = ceil_divide(reduced_, schedule_.chunk);
    all_chunks_ = Buffer(chunks * bytes(chunk_numbers()));
    parallel(chunks, [&](int64_t chunk) {
      pack_chunk(chunk, all_chunks_.bytes() + chunk * bytes(chunk_numbers()));
    });
  }

  [[nodiscard]] int64_t chunk_numbers() const {
    return schedule_.chunk * reduced_elements_;
  }

  [[nodiscard]] int64_t chunk_length(int64_t chunk) const {
    return std::min(schedule_.chunk, reduced_ - chunk * schedule_.chunk);
  }

  void pack_chunk(int64_t chunk, std::byte* panel) const {
    const bool has_lanes = !shape_.lanes_along_kept;
    sweep_->pack_reduced(arrays_.data(), extents_.data(), call_.bytes(), panel,
                         chunk * schedule_.chunk, chunk_length(chunk),
                         has_lanes ? schedule_.chunk : 1,
                         has_lanes ? 1 : reduced_elements_);
  }

  /// Returns a packed chunk: the one that all share, or one in `own`.
  const std::byte* chunk_panel(int64_t chunk, const Buffer& own) const {
    if (schedule_.is_packed_once) {
      return all_chunks_.bytes() + chunk * bytes(chunk_numbers());
    }
    pack_chunk(chunk, own.bytes());
    return own.bytes();
  }

  // The kept axis.

  /// Packs the rows of a tile. Copies of the last row fill it up.
  void pack_tile(int64_t first, int64_t count, std::byte* panel) const {
    if (kept_elements_ == 0) return;  // There is no panel.
    const bool has_lanes = shape_.lanes_along_kept;
    const int64_t element_stride = has_lanes ? shape_.rows() : 1;
    const int64_t item_stride = has_lanes ? 1 : kept_elements_;
    const auto pack = [&](int64_t from, int64_t number, int64_t index) {
      sweep_->pack_kept(arrays_.data(), extents_.data(), call_.bytes(),
                        panel + bytes(index * item_stride), from, number,
                        element_stride, item_stride);
    };
    pack(first, count, 0);
    for (int64_t index = count; index < shape_.rows(); ++index) {
      pack(first + count - 1, 1, index);
    }
  }

  /// Words of one kind that a tile's states take.
  [[nodiscard]] int64_t tile_words() const {
    return width_ * shape_.kept_unroll * shape_.lanes;
  }

  /// Lets the caller's thread look for an interrupt. Its exception stops the
  /// tasks of all threads before their next chunk.
  bool must_stop() {
    const bool is_caller = std::this_thread::get_id() == caller_;
    if (is_caller && options_.interrupt) {
      try {
        options_.interrupt();
      } catch (...) {
        is_stopped_ = true;
        throw;
      }
    }
    return is_stopped_;
  }

  /// Sets the states of a task's tiles to those of nothing. Buffers are made of
  /// zeros.
  void set_identity(std::span<double> words, int64_t word_stride) const {
    int64_t first = 0;
    for (const ProgramOutput& output : program_.outputs) {
      const int64_t count = program_.results[output.output].width() *
                            shape_.kept_unroll * shape_.lanes;
      const std::span<const StateWord> row = row_of(output.reduction).words;
      for (std::size_t k = 0; k < row.size(); ++k) {
        const double identity = row[k].identity;
        if (identity == 0) continue;
        const int64_t start = static_cast<int64_t>(k) * word_stride;
        for (int64_t at = first; at < word_stride; at += tile_words()) {
          std::fill_n(words.data() + start + at, count, identity);
        }
      }
      first += count;
    }
  }

  void run_task(int64_t task) {
    const int64_t split = task % schedule_.splits;
    const int64_t first = task / schedule_.splits * schedule_.task_rows;
    const int64_t count = std::min(schedule_.task_rows, rows_ - first);
    const int64_t tiles = ceil_divide(count, shape_.rows());
    const int64_t tile_bytes = bytes(kept_elements_ * shape_.rows());
    const Buffer kept(tiles * tile_bytes);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t row = tile * shape_.rows();
      pack_tile(first + row, std::min(shape_.rows(), count - row),
                kept.bytes() + tile * tile_bytes);
    }
    const int64_t stride = tiles * tile_words();
    const Buffer all(words_ * stride * dtype_size(DType::float64));
    const std::span words(all.doubles(),
                          static_cast<std::size_t>(words_ * stride));
    const Buffer block(bytes(block_numbers(program_, shape_)));
    const Buffer scratch(bytes(scratch_numbers(program_, shape_)));
    set_identity(words, stride);
    const Buffer own(schedule_.is_packed_once ? 0 : bytes(chunk_numbers()));
    const int64_t begin = split * schedule_.split_length;
    const int64_t end = std::min(reduced_, begin + schedule_.split_length);
    for (int64_t at = begin; at < end; at += schedule_.chunk) {
      if (must_stop()) return;
      const int64_t chunk = at / schedule_.chunk;
      TilePanels panels{call_.bytes(),           nullptr,
                        chunk_panel(chunk, own), chunk_length(chunk),
                        schedule_.chunk,         at};
      for (int64_t tile = 0; tile < tiles; ++tile) {
        panels.kept = kept.bytes() + tile * tile_bytes;
        const TileStates states{words.data() + tile * tile_words(), stride,
                                block.bytes(), scratch.bytes()};
        sweep_->tile(extents_.data(), &panels, &states);
      }
    }
    collect(task, count, words);
  }

  // The results.

  /// Stores a task's rows, or keeps what is to be merged.
  void collect(int64_t task, int64_t count, std::span<const double> words) {
    const int64_t first = task / schedule_.splits * schedule_.task_rows;
    Partial& partial = partials_[static_cast<std::size_t>(task)];
    int64_t element = 0;
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      const ProgramOutput& output = program_.outputs[k];
      States states(program_, output, is_shared(k) ? 1 : count);
      for (int64_t e = 0; e < states.width(); ++e, ++element) {
        if (shape_.lanes_along_kept && !is_shared(k)) {
          copy_rows(output, words, element, e, count, states);
          continue;
        }
        for (int64_t row = 0; row < count; ++row) {
          const int64_t to = is_shared(k) ? 0 : row;
          State state = states.get(to, e);
          add_lanes(output, words, row, element, state);
          states.set(to, e, state);
        }
      }
      if (is_shared(k) || schedule_.splits > 1) {
        partial.push_back(std::move(states));
      } else {
        states.store(results_, first);
      }
    }
  }

  /// Returns where the states of a tile for an element begin.
  [[nodiscard]] std::size_t first_word(int64_t tile, int64_t element) const {
    const int64_t registers = shape_.kept_unroll;
    return static_cast<std::size_t>(tile * tile_words() +
                                    element * registers * shape_.lanes);
  }

  /// Copies the states of a task's rows, of which each lane has one.
  void copy_rows(const ProgramOutput& output, std::span<const double> words,
                 int64_t element, int64_t to_element, int64_t count,
                 States& states) const {
    const std::size_t stride = words.size() / static_cast<std::size_t>(words_);
    const int64_t rows = shape_.rows();
    for (std::size_t k = 0; k < row_of(output.reduction).words.size(); ++k) {
      double* to = states.words(k).data() + to_element;
      for (int64_t first = 0; first < count; first += rows) {
        const double* const from =
            &words[k * stride + first_word(first / rows, element)];
        const int64_t length = std::min(rows, count - first);
        for (int64_t row = 0; row < length; ++row) {
          *to = from[row];
          to += states.width();
        }
      }
    }
  }

  /// Combines a state with those of the lanes that hold a row and element.
  void add_lanes(const ProgramOutput& output, std::span<const double> words,
                 int64_t row, int64_t element, State& state) const {
    const ReductionRow& reduction = row_of(output.reduction);
    const int64_t rows = shape_.rows();
    const int64_t lanes = shape_.lanes_along_kept ? 1 : shape_.lanes;
    const std::size_t stride = words.size() / static_cast<std::size_t>(words_);
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const std::size_t at =
          first_word(row / rows, element) +
          static_cast<std::size_t>(row % rows * lanes + lane);
      State part{};
      for (std::size_t k = 0; k < reduction.words.size(); ++k) {
        part.at(k) = words[k * stride + at];
      }
      reduction.combine(state, part);
    }
  }

  /// Merges what the tasks have kept.
  void merge(int64_t row_tasks, int64_t splits) {
    for (std::size_t k = 0, index = 0; k < program_.outputs.size(); ++k) {
      if (is_shared(k)) {
        States total(program_, program_.outputs[k], 1);
        for (const Partial& partial : partials_) total.combine(partial[index]);
        total.store(results_, 0);
      } else if (splits > 1) {
        for (int64_t task = 0; task < row_tasks; ++task) {
          merge_rows(task, splits, index);
        }
      } else {
        continue;
      }
      ++index;
    }
  }

  /// Merges the parts of a task's rows.
  void merge_rows(int64_t task, int64_t splits, std::size_t index) {
    const auto first = static_cast<std::size_t>(task * splits);
    States& total = partials_[first][index];
    for (int64_t split = 1; split < splits; ++split) {
      total.combine(partials_[first + static_cast<std::size_t>(split)][index]);
    }
    total.store(results_, task * schedule_.task_rows);
  }

  [[nodiscard]] bool is_shared(std::size_t output) const {
    return program_.outputs[output].kept == Kept::neither;
  }

  const Program& program_;
  std::span<const MutableArrayView> results_;
  const RunOptions& options_;
  int64_t rows_;
  int64_t reduced_;
  DType dtype_;
  TileShape shape_;
  Schedule schedule_;
  std::shared_ptr<const CompiledSweep> sweep_;
  std::vector<int64_t> extents_;
  std::vector<ArrayPointer> arrays_;
  int64_t call_elements_ = 0;
  int64_t kept_elements_ = 0;
  int64_t reduced_elements_ = 0;
  int64_t width_ = 0;
  Buffer call_;
  Buffer all_chunks_;
  /// Words of a state, of the output that has most.
  int64_t words_ = 0;
  std::vector<Partial> partials_;
  std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<bool> is_stopped_ = false;
};

}  // namespace

void run(const Program& program, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options) {
  Sweep(program, sizes, arguments, results, options).run();
}

}  // namespace gramless::cpu
