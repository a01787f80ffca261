// SPDX-License-Identifier: MIT
// The states that the tiles of a task add to.
#pragma once

#include <cstdint>

#include "gramless/backend/cpu/ready_sweep.h"
#include "gramless/backend/cpu/tiles.h"
#include "gramless/backend/states.h"

namespace gramless::cpu {

/// A view of memory that holds, for each word of a state, those of the rows of
/// one tile after another, and behind them those that all rows share.
class TaskStates {
 public:
  /// Returns how many numbers the states of so many rows take.
  static int64_t numbers(const ReadySweep& sweep, int64_t rows);

  TaskStates(const ReadySweep& sweep, const Tiles& tiles, double* memory)
      : sweep_(sweep),
        tiles_(tiles),
        memory_(memory),
        stride_(numbers(sweep, tiles.rows()) / sweep.words) {}

  /// Sets all states to those of nothing.
  void clear();

  /// Returns what compiled code takes for a tile.
  [[nodiscard]] TileStates of(const Tile& tile) const;

  /// Returns the states of the rows for an output whose elements start at
  /// `first`.
  [[nodiscard]] States rows(const ProgramOutput& output, int64_t first) const;

  /// Combines the lanes of what all rows share, for an output whose elements
  /// start at `first`, into a row of some states.
  void add_shared(const ProgramOutput& output, int64_t first, int64_t row,
                  States& states) const;

 private:
  /// Returns where the states of a tile for an element begin, and those that
  /// all rows share.
  [[nodiscard]] double* words(const Tile& tile, int64_t element) const;
  [[nodiscard]] double* shared() const;

  void copy_rows(const Tile& tile, const double* from, int64_t element,
                 States& states) const;
  void add_rows(const ProgramOutput& output, const Tile& tile,
                const double* from, int64_t element, States& states) const;
  void add_lanes(const ProgramOutput& output, const double* from, int64_t row,
                 int64_t element, States& states) const;

  const ReadySweep& sweep_;
  const Tiles& tiles_;
  double* memory_;
  int64_t stride_;  // Of two words of a state.
};

}  // namespace gramless::cpu
