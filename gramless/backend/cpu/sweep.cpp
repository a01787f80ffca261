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
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "gramless/backend/backend.h"
#include "gramless/backend/cpu/buffer.h"
#include "gramless/backend/cpu/crossed_totals.h"
#include "gramless/backend/cpu/denormals.h"
#include "gramless/backend/cpu/ready_sweep.h"
#include "gramless/backend/cpu/task_states.h"
#include "gramless/backend/cpu/tiles.h"
#include "gramless/backend/states.h"
#include "gramless/base/integers.h"
#include "gramless/base/threads.h"

namespace gramless::cpu {
namespace {

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
        tiles_(ready, row_tasks_ > 1 ? schedule_.task_rows : 0),
        last_tiles_(ready, rows_ - (row_tasks_ - 1) * schedule_.task_rows) {
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
    make_parts();
    if (ready_.crossed_width > 0) {
      run_crossed_tasks();
    } else {
      const int64_t splits = schedule_.splits;
      parallel(row_tasks_ * splits, options_.interrupt,
               [&](int64_t task) { run_task(task / splits, task % splits); });
    }
    merge();
  }

 private:
  [[nodiscard]] int64_t bytes(int64_t numbers) const {
    return numbers * dtype_size(ready_.dtype);
  }

  [[nodiscard]] Buffer buffer(int64_t bytes) const {
    return Buffer(bytes, options_.pool);
  }

  void parallel(int64_t count, const Interrupt& interrupt,
                const std::function<void(int64_t)>& task) {
    int threads = options_.threads;
    if (threads <= 0) threads = default_thread_count();
    if (schedule_.is_small) threads = 1;
    parallel_for(count, {threads, options_.on_threads}, interrupt,
                 [&](int64_t index) {
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

  [[nodiscard]] const Tiles& tiles_of(int64_t row_task) const {
    return row_task + 1 < row_tasks_ ? tiles_ : last_tiles_;
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
    pack(first, tile.count, 0);
    if (tile.count == tile.rows) return;
    const int64_t step = has_lanes ? shape_.lanes : 1;
    for (int64_t index = ceil_divide(tile.count, step) * step;
         index < tile.rows; index += step) {
      pack(first + tile.count - 1, 1, index);
    }
  }

  // Tasks.

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

  /// The memory of a task. Those that run one after another share it.
  struct TaskMemory {
    Buffer kept;
    Buffer states;
    Buffer block;
    Buffer scratch;
    Buffer crossed;
    Buffer chunk;
  };

  [[nodiscard]] std::unique_ptr<TaskMemory> make_task_memory() const {
    const int64_t rows = std::max(tiles_.rows(), last_tiles_.rows());
    const int64_t chunk = schedule_.is_packed_once ? 0 : chunk_numbers();
    return std::make_unique<TaskMemory>(TaskMemory{
        buffer(bytes(rows * ready_.kept_elements)),
        buffer(TaskStates::numbers(ready_, rows) * dtype_size(DType::float64)),
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

  /// Runs a task of some rows with a part of the reduced axis.
  void run_task(int64_t row_task, int64_t split) {
    const int64_t first = row_task * schedule_.task_rows;
    const Tiles& tiles = tiles_of(row_task);
    auto memory = take_task_memory();
    const auto panel_of = [&](const Tile& tile) {
      return memory->kept.bytes() + bytes(tile.first * ready_.kept_elements);
    };
    for (const Tile& tile : tiles) {
      pack_tile(tile, first + tile.first, panel_of(tile));
    }
    TaskStates states(ready_, tiles, memory->states.doubles());
    states.clear();
    const int64_t begin = split * schedule_.split_length;
    const int64_t end = std::min(reduced_, begin + schedule_.split_length);
    for (int64_t at = begin; at < end; at += schedule_.chunk) {
      if (must_stop()) return;
      const int64_t chunk = at / schedule_.chunk;
      TilePanels panels{.call = call_.bytes(),
                        .reduced = chunk_panel(chunk, memory->chunk),
                        .reduced_count = chunk_length(chunk),
                        .reduced_element_stride = schedule_.chunk,
                        .reduced_first = at};
      for (const Tile& tile : tiles) {
        panels.kept = panel_of(tile);
        panels.kept_count = tile.count;
        TileStates of_tile = states.of(tile);
        of_tile.block = memory->block.bytes();
        of_tile.scratch = memory->scratch.bytes();
        of_tile.crossed = memory->crossed.bytes();
        (tile.is_rest ? ready_.code->rest_tile : ready_.code->tile)(
            ready_.extents.data(), &panels, &of_tile);
      }
      if (crossed_) crossed_->add(row_task, panels, memory->crossed);
    }
    collect(row_task, split, tiles, states);
    give_back(std::move(memory));
  }

  void run_crossed_tasks() {
    crossed_.emplace(ready_, row_tasks_, reduced_, options_.pool, is_stopped_);
    parallel(crossed_->turns(), {}, [&](int64_t index) {
      crossed_->take_turn(index, [&](int64_t row_task) {
        if (is_stopped_) return;
        try {
          run_task(row_task, 0);
        } catch (...) {
          is_stopped_ = true;
          throw;
        }
      });
    });
    constexpr int64_t kPositions = 1024;
    parallel(ceil_divide(reduced_, kPositions), options_.interrupt,
             [&](int64_t part) {
               const int64_t first = part * kPositions;
               crossed_->store(first, std::min(kPositions, reduced_ - first),
                               results_);
             });
  }

  // The results.

  /// What is to be merged of an output: states of all rows for each part of the
  /// reduced axis, or a state of each task where all rows share one.
  struct Parts {
    const ProgramOutput& output;
    int64_t first;  // Of its elements.
    std::vector<States> states;
  };

  [[nodiscard]] static bool is_shared(const ProgramOutput& output) {
    return output.kept == Kept::neither;
  }

  /// Returns whether compiled code stores what outputs have for each row.
  [[nodiscard]] bool are_rows_stored() const {
    return schedule_.splits == 1 && ready_.code->store != nullptr;
  }

  void make_parts() {
    int64_t row_element = 0;
    int64_t shared_element = 0;
    for (const ProgramOutput& output : program_.outputs) {
      if (is_crossed(program_, output)) continue;
      int64_t& element = is_shared(output) ? shared_element : row_element;
      parts_.push_back({output, element, {}});
      std::vector<States>& states = parts_.back().states;
      element += program_.results[output.output].width();
      if (is_shared(output)) {
        states.emplace_back(program_, output, row_tasks_ * schedule_.splits);
      } else if (schedule_.splits > 1) {
        for (int64_t split = 0; split < schedule_.splits; ++split) {
          states.emplace_back(program_, output, rows_);
        }
      }
    }
  }

  /// Stores a task's rows, or keeps what is to be merged.
  void collect(int64_t row_task, int64_t split, const Tiles& tiles,
               const TaskStates& states) {
    const int64_t first = row_task * schedule_.task_rows;
    if (are_rows_stored() && ready_.kept_width > 0) {
      for (const Tile& tile : tiles) {
        const TileStates of_tile = states.of(tile);
        const TileRows rows{first + tile.first, tile.count, tile.rows};
        ready_.code->store(ready_.extents.data(), &of_tile, &rows,
                           result_pointers_.data());
      }
    }
    for (Parts& parts : parts_) {
      if (is_shared(parts.output)) {
        states.add_shared(parts.output, parts.first,
                          row_task * schedule_.splits + split,
                          parts.states.front());
      } else if (schedule_.splits > 1) {
        parts.states[static_cast<std::size_t>(split)].assign(
            first, states.rows(parts.output, parts.first));
      } else if (!are_rows_stored()) {
        states.rows(parts.output, parts.first).store(results_, first);
      }
    }
  }

  /// Merges what the tasks have kept.
  void merge() {
    for (Parts& parts : parts_) {
      if (parts.states.empty()) continue;
      if (is_shared(parts.output)) {
        States total(program_, parts.output, 1);
        total.combine_rows(parts.states.front());
        total.store(results_, 0);
        continue;
      }
      States& total = parts.states.front();
      for (std::size_t split = 1; split < parts.states.size(); ++split) {
        total.combine(parts.states[split]);
      }
      total.store(results_, 0);
    }
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
  /// Of all tasks but the last one, and of that.
  Tiles tiles_;
  Tiles last_tiles_;
  std::vector<ArrayPointer> arrays_;
  std::vector<ResultPointer> result_pointers_;
  Buffer call_;
  Buffer all_chunks_;
  std::vector<Parts> parts_;
  std::optional<CrossedTotals> crossed_;
  std::vector<std::unique_ptr<TaskMemory>> memories_;
  std::mutex memories_lock_;
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
