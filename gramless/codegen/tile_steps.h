// SPDX-License-Identifier: MIT
// Emits the loops over the pairs of a tile with a block of the reduced axis.
#pragma once

#include "gramless/codegen/module.h"
#include "gramless/codegen/packed_values.h"
#include "gramless/codegen/reduction_code.h"

namespace gramless {

/// A step of the loop over a block: the position that it starts at, the
/// registers that it has along the reduced axis, and the lanes that count, or
/// null for all.
struct TileStep {
  llvm::Value* index;
  int registers;
  llvm::Value* mask;
};

/// Positions of the reduced axis: from `begin` up to `end`; `length` of them,
/// which are one step, or an unknown number where it is 0.
struct BlockRange {
  llvm::Value* begin;
  llvm::Value* end;
  int64_t length = 0;
};

/// Values of the rate `pair` that a block has at hand, and how they are found.
struct StoredPairs {
  std::vector<bool> is_stored;
  std::function<BlockValue(int value, const TileStep& step)> load;
};

class TileSteps {
 public:
  /// Starts a function of a name.
  TileSteps(GeneratedModule& generated, const Program& program,
            const TileShape& shape, const char* name);

  using Body = std::function<Registers(BlockCode& code, const TileStep& step,
                                       const Registers& carried)>;

  /// Emits the loop over a range, if it is not one step: all registers and
  /// lanes are used up to the last whole step.
  Registers run(const BlockRange& range, const Registers& initial,
                const Body& body, const StoredPairs* stored = nullptr,
                const Environment& environment = {});

  /// Adds the terms of a step's pairs to a sum for each row.
  void add_terms(const ProgramOutput& output, BlockCode& code,
                 const TileStep& step, std::span<llvm::Value*> sums);

  /// Returns the integers that say where the pairs of a register stand behind
  /// `begin`.
  llvm::Value* positions(const TileStep& step, llvm::Value* begin, int reduced);

  /// Calls `body` at each position on feature axes, in loops, with a value that
  /// the reduced axis does not change.
  void for_each_kept(std::span<const Axis> axes, const Use& use,
                     const std::function<void(BlockCode& code,
                                              const BlockValue& value)>& body);

  /// Returns a value that the reduced axis does not change, where feature axes
  /// stand.
  BlockValue kept_value(const Use& use, const Environment& environment);

  /// Returns code that goes over feature axes around such loops, which are too
  /// long to be emitted again and again.
  BlockCode code_around();

  /// Ends the function, of which all loops stand behind `first`.
  void finish(llvm::BasicBlock* first);

  [[nodiscard]] int64_t unit() const {
    return shape_.lanes_along_kept ? 1 : shape_.lanes;
  }
  /// Returns the shape of the block of a step.
  [[nodiscard]] TileShape shape_of(const TileStep& step) const {
    TileShape shape = shape_;
    shape.reduced_unroll = step.registers;
    return shape;
  }
  /// Returns the address of a word of a state of all blocks, or of one that all
  /// rows share.
  WordAddress words_at(llvm::Value* index);
  WordAddress shared_words_at(llvm::Value* index);

  /// Returns the lanes along the kept axis that count in the rest of the rows;
  /// null if each row has all lanes.
  llvm::Value* kept_mask();

  /// Returns whether a row counts for sums over the rows: those before
  /// TilePanels::kept_first do not.
  llvm::Value* does_row_count(std::size_t row);

  const Program& program() const { return program_; }
  const TileShape& shape() const { return shape_; }
  llvm::IRBuilder<>& ir() { return ir_; }
  llvm::IRBuilder<>& ahead() { return ahead_; }
  VectorMath& math() { return math_; }
  TileMemory& memory() { return memory_; }
  ReductionCode& reductions() { return reductions_; }
  const Extents& extents() const { return extents_; }
  llvm::Type* type() const { return type_; }
  llvm::Value* count() const { return count_; }
  llvm::Value* first() const { return first_; }
  llvm::Value* block() const { return block_; }
  llvm::Value* scratch() const { return scratch_; }
  llvm::Value* crossed() const { return crossed_; }

 private:
  static llvm::Function* declare(GeneratedModule& generated, const char* name);
  llvm::Value* field(unsigned argument, std::size_t offset, llvm::Type* type);
  WordAddress words_from(llvm::Value* words, llvm::Value* index);
  /// Calls `body` with code for values that the reduced axis does not change.
  void with_kept_code(const Environment& environment,
                      const std::function<void(BlockCode& code)>& body);
  llvm::Value* lanes_below(llvm::Value* index, llvm::Value* end);

  const Program& program_;
  TileShape shape_;
  llvm::Function* function_;
  llvm::IRBuilder<> ahead_;  // In front of all loops.
  llvm::IRBuilder<> ir_;
  VectorMath math_;
  TileMemory memory_;
  ReductionCode reductions_;
  llvm::Type* type_;
  Extents extents_;
  llvm::Value* count_;
  llvm::Value* first_;
  llvm::Value* words_;
  llvm::Value* shared_words_;
  llvm::Value* word_stride_;
  llvm::Value* block_;
  llvm::Value* scratch_;
  llvm::Value* crossed_;
  llvm::Value* kept_count_;
  PackedValues packed_;
};

}  // namespace gramless
