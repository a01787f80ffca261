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
#include "gramless/backend/totals.h"
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
        rows_(program.reduced == PairIndex::j ? sizes.M : sizes.N),
        reduced_(program.reduced == PairIndex::j ? sizes.N : sizes.M),
        dtype_(results[program.outputs[0].output].dtype) {
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
    call_cells_ = packed_cells(program, Rate::call);
    kept_cells_ = packed_cells(program, kept_rate(program));
    reduced_cells_ = packed_cells(program, reduced_rate(program));
    columns_ = output_columns(program);
  }

  void run() {
    const FlushDenormals flush;
    call_ = Buffer(bytes(call_cells_));
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
  /// The sums of a task: one row after another, or all rows together.
  using Sums = std::vector<Totals>;

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
    return schedule_.chunk * reduced_cells_;
  }

  [[nodiscard]] int64_t chunk_length(int64_t chunk) const {
    return std::min(schedule_.chunk, reduced_ - chunk * schedule_.chunk);
  }

  void pack_chunk(int64_t chunk, std::byte* panel) const {
    const bool has_lanes = !shape_.lanes_along_kept;
    sweep_->pack_reduced(arrays_.data(), extents_.data(), call_.bytes(), panel,
                         chunk * schedule_.chunk, chunk_length(chunk),
                         has_lanes ? schedule_.chunk : 1,
                         has_lanes ? 1 : reduced_cells_);
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
    if (kept_cells_ == 0) return;  // There is no panel.
    const bool has_lanes = shape_.lanes_along_kept;
    const int64_t cell_stride = has_lanes ? shape_.rows() : 1;
    const int64_t item_stride = has_lanes ? 1 : kept_cells_;
    const auto pack = [&](int64_t from, int64_t number, int64_t place) {
      sweep_->pack_kept(arrays_.data(), extents_.data(), call_.bytes(),
                        panel + bytes(place * item_stride), from, number,
                        cell_stride, item_stride);
    };
    pack(first, count, 0);
    for (int64_t place = count; place < shape_.rows(); ++place) {
      pack(first + count - 1, 1, place);
    }
  }

  /// Numbers that a tile's sums take.
  [[nodiscard]] int64_t tile_sums() const {
    return columns_ * shape_.kept_copies * shape_.lanes;
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

  /// Buffers are made of zeros; a maximum starts below.
  void set_identity(const Buffer& block, const Buffer& sums,
                    int64_t count) const {
    if (program_.reduction == Reduction::sum) return;
    const double identity = identity_of(program_.reduction);
    std::fill_n(sums.doubles(), count, identity);
    if (dtype_ == DType::float64) {
      std::fill_n(block.doubles(), tile_sums(), identity);
    } else {
      std::fill_n(block.floats(), tile_sums(), static_cast<float>(identity));
    }
  }

  void run_task(int64_t task) {
    const int64_t split = task % schedule_.splits;
    const int64_t first = task / schedule_.splits * schedule_.task_rows;
    const int64_t count = std::min(schedule_.task_rows, rows_ - first);
    const int64_t tiles = ceil_divide(count, shape_.rows());
    const int64_t tile_bytes = bytes(kept_cells_ * shape_.rows());
    const Buffer kept(tiles * tile_bytes);
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t row = tile * shape_.rows();
      pack_tile(first + row, std::min(shape_.rows(), count - row),
                kept.bytes() + tile * tile_bytes);
    }
    const int64_t all_sums = tiles * tile_sums();
    const Buffer sums(2 * all_sums * dtype_size(DType::float64));
    const Buffer block(bytes(tile_sums()));
    set_identity(block, sums, all_sums);
    const Buffer own(schedule_.is_packed_once ? 0 : bytes(chunk_numbers()));
    const int64_t begin = split * schedule_.split_length;
    const int64_t end = std::min(reduced_, begin + schedule_.split_length);
    for (int64_t at = begin; at < end; at += schedule_.chunk) {
      if (must_stop()) return;
      const int64_t chunk = at / schedule_.chunk;
      TilePanels panels{call_.bytes(), nullptr, chunk_panel(chunk, own),
                        chunk_length(chunk), schedule_.chunk};
      for (int64_t tile = 0; tile < tiles; ++tile) {
        panels.kept = kept.bytes() + tile * tile_bytes;
        double* tile_start = sums.doubles() + tile * tile_sums();
        sweep_->tile(extents_.data(), &panels, block.bytes(), tile_start,
                     tile_start + all_sums);
      }
    }
    collect(task, count,
            {sums.doubles(), static_cast<std::size_t>(2 * all_sums)});
  }

  // The results.

  /// Stores a task's rows, or keeps what is to be merged.
  void collect(int64_t task, int64_t count, std::span<const double> sums) {
    const int64_t first = task / schedule_.splits * schedule_.task_rows;
    Sums& partial = partials_[static_cast<std::size_t>(task)];
    int64_t column = 0;
    for (const ProgramOutput& output : program_.outputs) {
      const ArraySpec& array = program_.results[output.output];
      const int64_t columns = array.columns();
      const bool is_shared = array.pair == PairIndex::none;
      if (is_shared) partial.emplace_back(program_.reduction, columns);
      for (int64_t row = 0; row < count; ++row) {
        if (!is_shared) partial.emplace_back(program_.reduction, columns);
        for (int64_t k = 0; k < columns; ++k) {
          add_row(sums, row, column + k, k, partial.back());
        }
        if (is_shared || schedule_.splits > 1) continue;
        store(output, first + row, partial.back());
        partial.pop_back();
      }
      column += columns;
    }
  }

  /// Adds the lanes that hold a row's sum of a column.
  void add_row(std::span<const double> sums, int64_t row, int64_t column,
               int64_t place, Totals& total) const {
    const int64_t rows = shape_.rows();
    const int64_t tile = row / rows;
    const int64_t copies = shape_.kept_copies;
    const int64_t start = tile * tile_sums() + column * copies * shape_.lanes;
    const int64_t lanes = shape_.lanes_along_kept ? 1 : shape_.lanes;
    const std::size_t half = sums.size() / 2;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const auto at =
          static_cast<std::size_t>(start + row % rows * lanes + lane);
      total.add(static_cast<std::size_t>(place), sums[at], sums[at + half]);
    }
  }

  void store(const ProgramOutput& output, int64_t row,
             const Totals& sums) const {
    const MutableArrayView& result = results_[output.output];
    const ArrayPointer array =
        bind({result.data, result.dtype, result.shape, result.strides, {}});
    const int64_t columns = program_.results[output.output].columns();
    for (int64_t column = 0; column < columns; ++column) {
      result.store(row * array.row_stride + column * array.column_stride,
                   sums.total(static_cast<std::size_t>(column)));
    }
  }

  /// Merges what the tasks have kept.
  void merge(int64_t row_tasks, int64_t splits) {
    std::vector<Totals> shared;
    for (const ProgramOutput& output : program_.outputs) {
      shared.emplace_back(program_.reduction,
                          program_.results[output.output].columns());
    }
    for (int64_t task = 0; task < row_tasks; ++task) {
      merge_task(task, splits, shared);
    }
    for (std::size_t k = 0; k < shared.size(); ++k) {
      if (is_shared(k)) store(program_.outputs[k], 0, shared[k]);
    }
  }

  void merge_task(int64_t task, int64_t splits, std::vector<Totals>& shared) {
    const int64_t first = task * schedule_.task_rows;
    const int64_t count = std::min(schedule_.task_rows, rows_ - first);
    std::size_t place = 0;
    const auto part = [&](int64_t split) -> const Sums& {
      return partials_[static_cast<std::size_t>(task * splits + split)];
    };
    for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
      if (is_shared(k)) {
        for (int64_t s = 0; s < splits; ++s) shared[k].merge(part(s)[place]);
        ++place;
        continue;
      }
      for (int64_t row = 0; splits > 1 && row < count; ++row, ++place) {
        Totals total = part(0)[place];
        for (int64_t s = 1; s < splits; ++s) total.merge(part(s)[place]);
        store(program_.outputs[k], first + row, total);
      }
    }
  }

  [[nodiscard]] bool is_shared(std::size_t output) const {
    return program_.results[program_.outputs[output].output].pair ==
           PairIndex::none;
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
  int64_t call_cells_ = 0;
  int64_t kept_cells_ = 0;
  int64_t reduced_cells_ = 0;
  int64_t columns_ = 0;
  Buffer call_;
  Buffer all_chunks_;
  std::vector<Sums> partials_;
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
