// SPDX-License-Identifier: MIT
// The totals of crossed outputs, which one task after another adds to.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "gramless/backend/cpu/buffer.h"
#include "gramless/backend/cpu/ready_sweep.h"
#include "gramless/backend/states.h"

namespace gramless::cpu {

/// Crossed outputs have one state for each position of the reduced axis, in
/// each of some bands of the kept axis. The tasks of a band add to them in
/// order. They may run at once nevertheless, each some chunks behind the one
/// before it.
class CrossedTotals {
 public:
  /// `is_stopped` ends all waiting.
  CrossedTotals(const ReadySweep& sweep, int64_t tasks, int64_t reduced,
                MemoryPool* pool, const std::atomic<bool>& is_stopped);

  /// Calls `run` with the task that is to be started as number `index`, of
  /// turns() numbers. A task starts after the one that it waits for.
  template <class Run>
  void take_turn(int64_t index, Run run) const {
    const int64_t bands = sweep_.schedule.bands;
    const int64_t task = index % bands * band_length_ + index / bands;
    if (task < static_cast<int64_t>(done_.size())) run(task);
  }
  [[nodiscard]] int64_t turns() const {
    return sweep_.schedule.bands * band_length_;
  }

  /// Adds what a task's tiles have summed for a chunk, once the task before has
  /// done so, and clears it.
  void add(int64_t task, const TilePanels& panels, const Buffer& crossed);

  /// Stores the results of some positions.
  void store(int64_t first, int64_t count,
             std::span<const MutableArrayView> results) const;

 private:
  void wait_for(int64_t task, int64_t chunk) const;
  void copy(int64_t band, int64_t first, int64_t element, States& states) const;
  [[nodiscard]] double* words(int64_t band, int64_t position) const;

  const ReadySweep& sweep_;
  const std::atomic<bool>& is_stopped_;
  int64_t band_length_;  // In tasks.
  int64_t stride_;       // Of two words of a state.
  Buffer memory_;
  /// Chunks that each task has done with.
  std::vector<std::atomic<int64_t>> done_;
};

}  // namespace gramless::cpu
