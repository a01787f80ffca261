// SPDX-License-Identifier: MIT
// How the rows of a task are cut into tiles.
#pragma once

#include <cstdint>
#include <vector>

#include "gramless/backend/cpu/ready_sweep.h"

namespace gramless::cpu {

/// Some rows of a task: all that a tile has, or what is left.
struct Tile {
  int64_t first;
  int64_t count;
  /// Rows that its panel and its states have.
  int64_t rows;
  bool is_rest;
};

/// The tiles of a task.
class Tiles {
 public:
  /// Cuts so many rows. Sums over the rows take what is left of them in tiles
  /// of its own.
  Tiles(const ReadySweep& sweep, int64_t count);

  [[nodiscard]] auto begin() const { return tiles_.begin(); }
  [[nodiscard]] auto end() const { return tiles_.end(); }

  /// Returns how many rows they have together, the copies of the last included.
  [[nodiscard]] int64_t rows() const {
    return tiles_.empty() ? 0 : tiles_.back().first + tiles_.back().rows;
  }
  /// Returns how many rows the task has.
  [[nodiscard]] int64_t count() const {
    return tiles_.empty() ? 0 : tiles_.back().first + tiles_.back().count;
  }

 private:
  std::vector<Tile> tiles_;
};

}  // namespace gramless::cpu
