// SPDX-License-Identifier: MIT
// Keeps values of a block's pairs in the memory `scratch`, for those who go
// over the block again.
#pragma once

#include "gramless/codegen/tile_steps.h"

namespace gramless {

class StoredBlock {
 public:
  /// Keeps some values, for the positions of a range. A value that is the scale
  /// of the block comes from `scales`, with a register for each row.
  StoredBlock(TileSteps& steps, const BlockRange& range,
              std::vector<int> values, const Registers* scales = nullptr);
  StoredBlock(const StoredBlock&) = delete;
  StoredBlock& operator=(const StoredBlock&) = delete;

  /// Stores the values of a step's pairs.
  void store(BlockCode& code, const TileStep& step);

  /// Returns what finds them again.
  [[nodiscard]] const StoredPairs& pairs() const { return pairs_; }

 private:
  BlockValue load(int value, const TileStep& step);
  llvm::Value* address(int value, const TileStep& step, int row, int reduced);

  TileSteps& steps_;
  llvm::IRBuilder<>& ir_;
  BlockRange range_;
  std::vector<int> values_;
  const Registers* scales_;
  StoredPairs pairs_;
};

}  // namespace gramless
