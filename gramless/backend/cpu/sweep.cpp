// SPDX-License-Identifier: MIT
// The CPU backend: runs compiled tiles on threads.
//
//   what is computed per call, and the chunks of the reduced axis, packed
//   for each task: some rows, and a part of the reduced axis      (threads)
//     its rows, packed
//     for each chunk of its part
//       for each tile of its rows
//         the compiled tile
//       what the tiles have summed for crossed outputs, added to the states of
//         the chunk's positions, once the task before has done so
//   partial results, merged in a fixed order
//
// Tasks, chunks and tiles depend on the sizes only, and each state is added to
// in one order: the number of threads changes no bit.
//
// Crossed outputs have one state for each position of the reduced axis, which
// one task after another adds to. They may run at once nevertheless, each some
// chunks behind the one before it.
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "gramless/backend/backend.h"
#include "gramless/backend/cpu/buffer.h"
#include "gramless/backend/cpu/denormals.h"
#include "gramless/backend/cpu/ready_sweep.h"
#include "gramless/backend/states.h"
#include "gramless/base/threads.h"

namespace gramless::cpu {
namespace {

/// Pairs below which starting threads costs more than it saves.
constexpr double kSmallSweep = 1 << 18;

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

class Sweep {
 public:
  Sweep(const ReadySweep& ready, std::span<const ArrayView> arguments,
        std::span<const MutableArrayView> results, const RunOptions& options)
      : ready_(ready),
        program_(ready.program),
        results_(results),
        options_(options),
        rows_(sweep_sizes(ready.program, ready.sizes).kept),
        reduced_(sweep_sizes(ready.program, ready.sizes).reduced),
        shape_(ready.shape),
        schedule_(ready.schedule),
        row_tasks_(ceil_divide(rows_, schedule_.task_rows)),
        done_(static_cast<std::size_t>(is_crossed() ? row_tasks_ : 0)) {
    for (const ArrayView& view : arguments) arrays_.push_back(pointer_to(view));
    for (const MutableArrayView& view : results) {
      result_pointers_.push_back(pointer_to(view));
    }
  }

  void run() {
    const FlushDenormals flush;
    call_ = buffer(bytes(ready_.call_elements));
    ready_.code->pack_call(arrays_.data(), ready_.extents.data(), nullptr,
                           call_.bytes(), 0, 1, 1, 0);
    pack_all_chunks();
    const int64_t splits = schedule_.splits;
    partials_.resize(static_cast<std::size_t>(row_tasks_ * splits));
    if (is_crossed()) {
      run_bands();
    } else {
      parallel(row_tasks_ * splits, options_.interrupt,
               [&](int64_t task) { run_task(task / splits, task % splits); });
    }
    merge(splits);
  }

 private:
  /// The states of a task: for each output, of its rows, or of all together.
  using Partial = std::vector<States>;

  /// Some rows of a task: all that a tile has, or what is left.
  struct Tile {
    int64_t first;
    int64_t count;
    /// Rows that its panel and its states have.
    int64_t rows;
    bool is_rest;
  };

  [[nodiscard]] bool is_crossed() const { return ready_.crossed_width > 0; }

  [[nodiscard]] int64_t bytes(int64_t numbers) const {
    return numbers * dtype_size(ready_.dtype);
  }

  [[nodiscard]] Buffer buffer(int64_t bytes) const {
    return Buffer(bytes, options_.pool);
  }

  void parallel(int64_t count, const Interrupt& interrupt,
                const std::function<void(int64_t)>& task) {
    const bool is_small =
        static_cast<double>(rows_) * static_cast<double>(reduced_) <
        kSmallSweep;
    int threads = options_.threads;
    if (threads <= 0) threads = default_thread_count();
    parallel_for(count, {is_small ? 1 : threads, options_.on_threads},
                 interrupt, [&](int64_t index) {
                   const FlushDenormals flush;
                   task(index);
                 });
  }

  // The reduced axis.

  void pack_all_chunks() {
    if (!schedule_.is_packed_once) return;
    const int64_t chunks = ceil_divide(reduced_, schedule_.chunk);
    all_chunks_ = buffer(chunks * bytes(chunk_numbers()));
    parallel(chunks, options_.interrupt, [&](int64_t chunk) {
      pack_chunk(chunk, all_chunks_.bytes() + chunk * bytes(chunk_numbers()));
    });
  }

  [[nodiscard]] int64_t chunk_numbers() const {
    return schedule_.chunk * ready_.reduced_elements;
  }

  [[nodiscard]] int64_t chunk_length(int64_t chunk) const {
    return std::min(schedule_.chunk, reduced_ - chunk * schedule_.chunk);
  }

  void pack_chunk(int64_t chunk, std::byte* panel) const {
    const bool has_lanes = !shape_.lanes_along_kept;
    ready_.code->pack_reduced(arrays_.data(), ready_.extents.data(),
                              call_.bytes(), panel, chunk * schedule_.chunk,
                              chunk_length(chunk),
                              has_lanes ? schedule_.chunk : 1,
                              has_lanes ? 1 : ready_.reduced_elements);
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

  /// Returns the tile of a task that a row is in. Sums over the rows take what
  /// is left of them in tiles of its own.
  [[nodiscard]] Tile tile_at(int64_t row, int64_t count) const {
    int64_t rows = shape_.rows();
    const int64_t whole = count / rows * rows;
    const bool is_rest = ready_.code->rest_tile != nullptr && row >= whole;
    if (is_rest) rows = rest_of(shape_).rows();
    const int64_t start = is_rest ? whole : 0;
    const int64_t first = start + (row - start) / rows * rows;
    return {first, std::min(rows, count - first), rows, is_rest};
  }

  [[nodiscard]] std::vector<Tile> tiles_of(int64_t count) const {
    std::vector<Tile> tiles;
    for (int64_t row = 0; row < count; row += tiles.back().count) {
      tiles.push_back(tile_at(row, count));
    }
    return tiles;
  }

  /// Packs the rows of a tile that are at `first`. Copies of the last row fill
  /// it up.
  void pack_tile(const Tile& tile, int64_t first, std::byte* panel) const {
    if (ready_.kept_elements == 0) return;  // There is no panel.
    const bool has_lanes = shape_.lanes_along_kept;
    const int64_t element_stride = has_lanes ? tile.rows : 1;
    const int64_t item_stride = has_lanes ? 1 : ready_.kept_elements;
    const auto pack = [&](int64_t from, int64_t number, int64_t index) {
      ready_.code->pack_kept(arrays_.data(), ready_.extents.data(),
                             call_.bytes(), panel + bytes(index * item_stride),
                             from, number, element_stride, item_stride);
    };
    const int64_t step = has_lanes ? shape_.lanes : 1;
    pack(first, tile.count, 0);
    for (int64_t index = ceil_divide(tile.count, step) * step;
         index < tile.rows; index += step) {
      pack(first + tile.count - 1, 1, index);
    }
  }

  /// Words of one kind that the states of a row take.
  [[nodiscard]] int64_t row_words() const {
    return ready_.kept_width * (shape_.lanes_along_kept ? 1 : shape_.lanes);
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

  /// Sets the states of a task's tiles to those of nothing.
  void set_identity(std::span<const Tile> tiles, std::span<double> words,
                    int64_t word_stride) const {
    std::ranges::fill(words, 0.0);
    for (const Tile& tile : tiles) {
      int64_t first = tile.first * row_words();
      for (const ProgramOutput& output : program_.outputs) {
        if (output.kept != program_.kept) continue;
        const int64_t count = program_.results[output.output].width() *
                              tile.rows * row_words() /
                              std::max<int64_t>(1, ready_.kept_width);
        const std::span<const StateWord> row = row_of(output.reduction).words;
        for (std::size_t k = 0; k < row.size(); ++k) {
          if (row[k].identity == 0) continue;
          std::fill_n(
              words.data() + static_cast<int64_t>(k) * word_stride + first,
              count, row[k].identity);
        }
        first += count;
      }
    }
  }

  /// The memory of a task. Those that run one after another share it.
  struct TaskMemory {
    Buffer kept;
    Buffer words;
    Buffer block;
    Buffer scratch;
    Buffer crossed;
    Buffer chunk;
  };

  [[nodiscard]] std::unique_ptr<TaskMemory> make_task_memory() const {
    const int64_t rows = std::min(
        schedule_.task_rows, ceil_divide(rows_, shape_.rows()) * shape_.rows());
    const int64_t chunk = schedule_.is_packed_once ? 0 : chunk_numbers();
    return std::make_unique<TaskMemory>(TaskMemory{
        buffer(bytes(rows * ready_.kept_elements)),
        buffer(ready_.words * word_stride(rows) * dtype_size(DType::float64)),
        buffer(bytes(ready_.block_numbers)),
        buffer(bytes(ready_.scratch_numbers)),
        buffer(bytes(schedule_.chunk * ready_.crossed_width * shape_.lanes)),
        buffer(bytes(chunk))});
  }

  std::unique_ptr<TaskMemory> take_task_memory() {
    const std::scoped_lock lock(memories_lock_);
    if (memories_.empty()) return make_task_memory();
    auto memory = std::move(memories_.back());
    memories_.pop_back();
    return memory;
  }

  void give_back(std::unique_ptr<TaskMemory> memory) {
    const std::scoped_lock lock(memories_lock_);
    memories_.push_back(std::move(memory));
  }

  /// The distance of two words of a state, where a task has so many rows.
  [[nodiscard]] int64_t word_stride(int64_t rows) const {
    return rows * row_words() + ready_.shared_width * shape_.lanes;
  }

  /// Runs a task of some rows with a part of the reduced axis.
  void run_task(int64_t row_task, int64_t split) {
    const int64_t first = row_task * schedule_.task_rows;
    const std::vector<Tile> tiles =
        tiles_of(std::min(schedule_.task_rows, rows_ - first));
    const int64_t rows = tiles.back().first + tiles.back().rows;
    auto memory = take_task_memory();
    const auto panel_of = [&](const Tile& tile) {
      return memory->kept.bytes() + bytes(tile.first * ready_.kept_elements);
    };
    for (const Tile& tile : tiles) {
      pack_tile(tile, first + tile.first, panel_of(tile));
    }
    const int64_t stride = word_stride(rows);
    const std::span words(memory->words.doubles(),
                          static_cast<std::size_t>(ready_.words * stride));
    set_identity(tiles, words, stride);
    double* const shared = words.data() + rows * row_words();
    const int64_t begin = split * schedule_.split_length;
    const int64_t end = std::min(reduced_, begin + schedule_.split_length);
    for (int64_t at = begin; at < end; at += schedule_.chunk) {
      if (must_stop()) return;
      const int64_t chunk = at / schedule_.chunk;
      TilePanels panels{call_.bytes(),
                        nullptr,
                        chunk_panel(chunk, memory->chunk),
                        chunk_length(chunk),
                        schedule_.chunk,
                        at};
      for (const Tile& tile : tiles) {
        panels.kept = panel_of(tile);
        panels.kept_count = tile.count;
        const TileStates states{words.data() + tile.first * row_words(),
                                shared,
                                stride,
                                memory->block.bytes(),
                                memory->scratch.bytes(),
                                memory->crossed.bytes()};
        (tile.is_rest ? ready_.code->rest_tile : ready_.code->tile)(
            ready_.extents.data(), &panels, &states);
      }
      if (is_crossed()) add_crossed(row_task, chunk, panels, memory->crossed);
    }
    collect(row_task * schedule_.splits + split, tiles, words);
    give_back(std::move(memory));
  }

  // Crossed outputs.

  /// Runs the tasks of each band of the kept axis one behind another. A task
  /// starts after the one that it waits for.
  void run_bands() {
    const int64_t bands = schedule_.bands;
    const int64_t length = band_length();
    stride_ = reduced_ * ready_.crossed_width;
    totals_ =
        buffer(bands * ready_.words * stride_ * dtype_size(DType::float64));
    parallel(bands * length, {}, [&](int64_t index) {
      const int64_t task = index % bands * length + index / bands;
      if (task >= row_tasks_ || is_stopped_) return;
      try {
        run_task(task, 0);
      } catch (...) {
        is_stopped_ = true;
        throw;
      }
    });
    store_crossed(bands);
  }

  [[nodiscard]] int64_t band_length() const {
    return ceil_divide(row_tasks_, schedule_.bands);
  }

  /// Adds what a task's tiles have summed for a chunk.
  void add_crossed(int64_t task, int64_t chunk, const TilePanels& panels,
                   const Buffer& crossed) {
    const int64_t band = task / band_length();
    if (task > band * band_length()) wait_for(task - 1, chunk);
    const TileStates states{totals_.doubles() + band * ready_.words * stride_ +
                                panels.reduced_first * ready_.crossed_width,
                            nullptr,
                            stride_,
                            nullptr,
                            nullptr,
                            crossed.bytes()};
    ready_.code->add_crossed(ready_.extents.data(), &panels, &states);
    done_[static_cast<std::size_t>(task)] = chunk + 1;
  }

  /// Waits until a task has done with a chunk, or all tasks are stopped.
  void wait_for(int64_t task, int64_t chunk) const {
    const auto& done = done_[static_cast<std::size_t>(task)];
    while (done <= chunk && !is_stopped_) std::this_thread::yield();
  }

  /// Stores the results of crossed outputs.
  void store_crossed(int64_t bands) {
    constexpr int64_t kPositions = 1024;
    parallel(ceil_divide(reduced_, kPositions), options_.interrupt,
             [&](int64_t part) {
               const int64_t first = part * kPositions;
               const int64_t count = std::min(kPositions, reduced_ - first);
               int64_t element = 0;
               for (const ProgramOutput& output : program_.outputs) {
                 if (!gramless::is_crossed(program_, output)) continue;
                 States total(program_, output, count);
                 for (int64_t band = 0; band < bands; ++band) {
                   States states(program_, output, count);
                   copy_totals(band, first, element, states);
                   total.combine(states);
                 }
                 total.store(results_, first);
                 element += total.width();
               }
             });
  }

  /// Copies the states of a band, of positions from `first` on.
  void copy_totals(int64_t band, int64_t first, int64_t element,
                   States& states) const {
    for (int64_t word = 0; word < ready_.words; ++word) {
      const double* from = totals_.doubles() +
                           (band * ready_.words + word) * stride_ +
                           first * ready_.crossed_width + element;
      const std::span<double> to = states.words(static_cast<std::size_t>(word));
      const auto width = static_cast<std::size_t>(states.width());
      for (std::size_t at = 0; at < to.size(); at += width) {
        std::copy_n(from, width, &to[at]);
        from += ready_.crossed_width;
      }
    }
  }

  // The results.

  /// Stores a task's rows, or keeps what is to be merged.
  void collect(int64_t task, std::span<const Tile> tiles,
               std::span<double> words) {
    const bool are_rows_stored =
        schedule_.splits == 1 && ready_.code->store != nullptr;
    if (are_rows_stored && ready_.kept_width > 0) {
      store_rows(task, tiles, words);
    }
    Partial& partial = partials_[static_cast<std::size_t>(task)];
    int64_t kept_element = 0;
    int64_t shared_element = 0;
    for (const ProgramOutput& output : program_.outputs) {
      if (gramless::is_crossed(program_, output)) continue;
      if (output.kept == Kept::neither) {
        partial.push_back(shared_states(output, tiles, words, shared_element));
        shared_element += partial.back().width();
        continue;
      }
      if (are_rows_stored) continue;
      States states = row_states(output, tiles, words, kept_element);
      kept_element += states.width();
      if (schedule_.splits > 1) {
        partial.push_back(std::move(states));
      } else {
        states.store(results_, task * schedule_.task_rows);
      }
    }
  }

  /// Stores the results of a task's rows.
  void store_rows(int64_t task, std::span<const Tile> tiles,
                  std::span<double> words) const {
    for (const Tile& tile : tiles) {
      const TileStates states{.words = &words[first_word(tile, 0)],
                              .word_stride = stride_of(words)};
      const TileRows rows{task * schedule_.task_rows + tile.first, tile.count,
                          tile.rows};
      ready_.code->store(ready_.extents.data(), &states, &rows,
                         result_pointers_.data());
    }
  }

  /// Returns the states of a task's rows for an output whose elements start at
  /// `first`.
  States row_states(const ProgramOutput& output, std::span<const Tile> tiles,
                    std::span<const double> words, int64_t first) const {
    const int64_t count = tiles.back().first + tiles.back().count;
    States states(program_, output, count);
    for (const Tile& tile : tiles) {
      for (int64_t e = 0; e < states.width(); ++e) {
        const std::size_t at = first_word(tile, first + e);
        if (shape_.lanes_along_kept) {
          copy_rows(words, at, tile, e, states);
        } else {
          add_rows(output, words, at, tile, e, states);
        }
      }
    }
    return states;
  }

  /// Copies the states of a tile's rows for an element, which start at `first`.
  void copy_rows(std::span<const double> words, std::size_t first,
                 const Tile& tile, int64_t element, States& states) const {
    const auto stride = static_cast<std::size_t>(stride_of(words));
    for (std::size_t kind = 0; kind < states.kinds(); ++kind) {
      const double* const from = &words[kind * stride + first];
      double* to =
          states.words(kind).data() + tile.first * states.width() + element;
      for (int64_t row = 0; row < tile.count; ++row) {
        *to = from[row];
        to += states.width();
      }
    }
  }

  /// Combines the lanes of the states of a tile's rows for an element.
  void add_rows(const ProgramOutput& output, std::span<const double> words,
                std::size_t first, const Tile& tile, int64_t element,
                States& states) const {
    for (int64_t row = 0; row < tile.count; ++row) {
      State state = states.get(tile.first + row, element);
      add_lanes(output, words,
                first + static_cast<std::size_t>(row * shape_.lanes),
                shape_.lanes, state);
      states.set(tile.first + row, element, state);
    }
  }

  /// Returns the states of an output that all rows share.
  States shared_states(const ProgramOutput& output, std::span<const Tile> tiles,
                       std::span<const double> words, int64_t first) const {
    const int64_t rows = tiles.back().first + tiles.back().rows;
    States states(program_, output, 1);
    for (int64_t e = 0; e < states.width(); ++e) {
      const int64_t at = rows * row_words() + (first + e) * shape_.lanes;
      State state = states.get(0, e);
      add_lanes(output, words, static_cast<std::size_t>(at), shape_.lanes,
                state);
      states.set(0, e, state);
    }
    return states;
  }

  /// Returns where the states of a tile for an element begin.
  [[nodiscard]] std::size_t first_word(const Tile& tile,
                                       int64_t element) const {
    const int64_t lanes = shape_.lanes_along_kept ? 1 : shape_.lanes;
    return static_cast<std::size_t>(tile.first * row_words() +
                                    element * tile.rows * lanes);
  }

  [[nodiscard]] int64_t stride_of(std::span<const double> words) const {
    return static_cast<int64_t>(words.size()) / ready_.words;
  }

  /// Combines a state with those of some lanes, which start at `first`.
  void add_lanes(const ProgramOutput& output, std::span<const double> words,
                 std::size_t first, int64_t lanes, State& state) const {
    const ReductionRow& reduction = row_of(output.reduction);
    const auto stride = static_cast<std::size_t>(stride_of(words));
    for (std::size_t at = first; at < first + static_cast<std::size_t>(lanes);
         ++at) {
      State part{};
      for (std::size_t k = 0; k < reduction.words.size(); ++k) {
        part.at(k) = words[k * stride + at];
      }
      reduction.combine(state, part);
    }
  }

  /// Merges what the tasks have kept.
  void merge(int64_t splits) {
    for (std::size_t k = 0, index = 0; k < program_.outputs.size(); ++k) {
      if (gramless::is_crossed(program_, program_.outputs[k])) continue;
      if (is_shared(k)) {
        States total(program_, program_.outputs[k], 1);
        for (const Partial& partial : partials_) total.combine(partial[index]);
        total.store(results_, 0);
      } else if (splits > 1) {
        for (int64_t task = 0; task < row_tasks_; ++task) {
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

  const ReadySweep& ready_;
  const Program& program_;
  std::span<const MutableArrayView> results_;
  const RunOptions& options_;
  int64_t rows_;
  int64_t reduced_;
  const TileShape& shape_;
  const Schedule& schedule_;
  int64_t row_tasks_;
  std::vector<ArrayPointer> arrays_;
  std::vector<ResultPointer> result_pointers_;
  Buffer call_;
  Buffer all_chunks_;
  std::vector<Partial> partials_;
  std::vector<std::unique_ptr<TaskMemory>> memories_;
  std::mutex memories_lock_;
  /// Of crossed outputs: the states of each band, for each word, position and
  /// element, and the numbers that one word takes.
  Buffer totals_;
  int64_t stride_ = 0;
  /// Chunks that each task has done with.
  std::vector<std::atomic<int64_t>> done_;
  std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<bool> is_stopped_ = false;
};

}  // namespace

void run_sweep(const ReadySweep& sweep, std::span<const ArrayView> arguments,
               std::span<const MutableArrayView> results,
               const RunOptions& options) {
  Sweep(sweep, arguments, results, options).run();
}

}  // namespace gramless::cpu
