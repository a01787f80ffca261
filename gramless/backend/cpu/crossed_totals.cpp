// SPDX-License-Identifier: MIT
// Adds to the totals of crossed outputs, and makes results of them.
#include "gramless/backend/cpu/crossed_totals.h"

#include <thread>

#include "gramless/base/integers.h"

namespace gramless::cpu {

CrossedTotals::CrossedTotals(const ReadySweep& sweep, int64_t tasks,
                             int64_t reduced, MemoryPool* pool,
                             const std::atomic<bool>& is_stopped)
    : sweep_(sweep),
      is_stopped_(is_stopped),
      band_length_(ceil_divide(tasks, sweep.schedule.bands)),
      stride_(reduced * sweep.crossed_width),
      memory_(sweep.schedule.bands * sweep.words * stride_ *
                  dtype_size(DType::float64),
              pool),
      done_(static_cast<std::size_t>(tasks)) {}

double* CrossedTotals::words(int64_t band, int64_t position) const {
  return memory_.doubles() + band * sweep_.words * stride_ +
         position * sweep_.crossed_width;
}

void CrossedTotals::add(int64_t task, const TilePanels& panels,
                        const Buffer& crossed) {
  const int64_t band = task / band_length_;
  const int64_t chunk = panels.reduced_first / sweep_.schedule.chunk;
  if (task > band * band_length_) wait_for(task - 1, chunk);
  const TileStates states{.words = words(band, panels.reduced_first),
                          .word_stride = stride_,
                          .crossed = crossed.bytes()};
  sweep_.code->add_crossed(sweep_.extents.data(), &panels, &states);
  done_[static_cast<std::size_t>(task)] = chunk + 1;
}

/// Waits until a task has done with a chunk, or all tasks are stopped.
void CrossedTotals::wait_for(int64_t task, int64_t chunk) const {
  const auto& done = done_[static_cast<std::size_t>(task)];
  while (done <= chunk && !is_stopped_) std::this_thread::yield();
}

void CrossedTotals::store(int64_t first, int64_t count,
                          std::span<const MutableArrayView> results) const {
  const Program& program = sweep_.program;
  int64_t element = 0;
  for (const ProgramOutput& output : program.outputs) {
    if (!is_crossed(program, output)) continue;
    States total(program, output, count);
    copy(0, first, element, total);
    for (int64_t band = 1; band < sweep_.schedule.bands; ++band) {
      States states(program, output, count);
      copy(band, first, element, states);
      total.combine(states);
    }
    total.store(results, first);
    element += total.width();
  }
}

/// Copies the states of a band for the elements of an output, which start at
/// `element`, of positions from `first` on.
void CrossedTotals::copy(int64_t band, int64_t first, int64_t element,
                         States& states) const {
  for (std::size_t kind = 0; kind < states.kinds(); ++kind) {
    const double* from =
        words(band, first) + static_cast<int64_t>(kind) * stride_ + element;
    const std::span<double> to = states.words(kind);
    const auto width = static_cast<std::size_t>(states.width());
    for (std::size_t at = 0; at < to.size(); at += width) {
      for (std::size_t e = 0; e < width; ++e) to[at + e] = from[e];
      from += sweep_.crossed_width;
    }
  }
}

}  // namespace gramless::cpu
