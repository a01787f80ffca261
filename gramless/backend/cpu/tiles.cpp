// SPDX-License-Identifier: MIT
// Cuts rows into tiles.
#include "gramless/backend/cpu/tiles.h"

#include <algorithm>

namespace gramless::cpu {

Tiles::Tiles(const ReadySweep& sweep, int64_t count) {
  const int64_t tile_rows = sweep.shape.rows();
  const int64_t whole =
      sweep.code->rest_tile != nullptr ? count / tile_rows * tile_rows : count;
  const auto cut = [&](int64_t end, int64_t rows, bool is_rest) {
    while (this->count() < end) {
      const int64_t first = this->count();
      tiles_.push_back({first, std::min(rows, end - first), rows, is_rest});
    }
  };
  cut(whole, tile_rows, false);
  cut(count, rest_of(sweep.shape).rows(), true);
}

}  // namespace gramless::cpu
