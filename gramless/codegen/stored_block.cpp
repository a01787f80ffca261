// SPDX-License-Identifier: MIT
// Emits the stores and loads.
#include "gramless/codegen/stored_block.h"

#include <algorithm>

namespace gramless {

StoredBlock::StoredBlock(TileSteps& steps, const BlockRange& range,
                         std::vector<int> values, const Registers* scales)
    : steps_(steps),
      ir_(steps.ir()),
      range_(range),
      values_(std::move(values)),
      scales_(scales),
      pairs_{std::vector<bool>(steps.program().instructions.size()),
             [this](int value, const TileStep& step) {
               return load(value, step);
             }} {
  for (const int value : values_) {
    pairs_.is_stored[static_cast<std::size_t>(value)] = true;
  }
}

void StoredBlock::store(BlockCode& code, const TileStep& step) {
  const TileShape shape = steps_.shape_of(step);
  for (const int value : values_) {
    const BlockValue pair = code.value(use_of(steps_.program(), value));
    for (int row = 0; row < shape.kept_unroll; ++row) {
      for (int reduced = 0; reduced < step.registers; ++reduced) {
        steps_.memory().store(pair.at(row, reduced, shape),
                              address(value, step, row, reduced));
      }
    }
  }
}

BlockValue StoredBlock::load(int value, const TileStep& step) {
  const Instruction& instruction =
      steps_.program().instructions[static_cast<std::size_t>(value)];
  if (loads_scale(steps_.program(), instruction)) {
    return {*scales_, true, false};
  }
  BlockValue result{{}, true, true};
  for (int row = 0; row < steps_.shape().kept_unroll; ++row) {
    for (int reduced = 0; reduced < step.registers; ++reduced) {
      result.registers.push_back(steps_.memory().load(
          steps_.type(), address(value, step, row, reduced)));
    }
  }
  return result;
}

/// Returns the address of a register that is kept for a row and a position.
llvm::Value* StoredBlock::address(int value, const TileStep& step, int row,
                                  int reduced) {
  const auto slot = static_cast<uint64_t>(
      std::find(values_.begin(), values_.end(), value) - values_.begin());
  const auto lanes = static_cast<uint64_t>(steps_.shape().lanes);
  const uint64_t numbers =
      static_cast<uint64_t>(steps_.shape().kept_unroll) * lanes;
  const auto unit = static_cast<uint64_t>(steps_.unit());
  llvm::Value* behind = ir_.CreateMul(ir_.CreateSub(step.index, range_.begin),
                                      ir_.getInt64(numbers / unit));
  const auto terms = static_cast<uint64_t>(steps_.shape().block_terms);
  const uint64_t fixed = slot * numbers * terms +
                         static_cast<uint64_t>(reduced) * numbers +
                         static_cast<uint64_t>(row) * lanes;
  return steps_.memory().number_at(steps_.scratch(),
                                   ir_.CreateAdd(behind, ir_.getInt64(fixed)));
}

}  // namespace gramless
