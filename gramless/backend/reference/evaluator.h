// SPDX-License-Identifier: MIT
// Evaluates the instructions of a program for a block of pairs: one row of the
// kept axis with up to kLanes positions of the reduced one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "gramless/backend/backend.h"

namespace gramless::reference {

/// Positions of the reduced axis that are evaluated at once.
inline constexpr int64_t kLanes = 128;

/// An array, as two strides in elements.
struct BoundArray {
  ArrayView view;
  int64_t row_stride = 0;
  int64_t element_stride = 0;
};

/// Returns the strides of a view of the shape (rows, elements), (elements,),
/// ().
BoundArray bind(const ArrayView& view);

/// Which values an evaluation computes.
enum class Stage : uint8_t {
  call,     // What no pair axis changes.
  kept,     // What the kept axis changes: once for each row.
  reduced,  // What the reduced axis changes: once for each block.
  pair,     // The rest: for each row and block,
  scaled,   // and what the scale of the block changes, once it is known.
};

/// Where the values of an instruction are: elements over its feature axes, each
/// of one number, or of kLanes numbers if the reduced axis changes it.
struct Slot {
  Stage stage = Stage::call;
  int64_t offset = 0;
  int64_t elements = 1;
  bool has_lanes = false;
};

/// The values of one thread.
class Values {
 public:
  Values(std::span<const Slot> slots, int64_t rows);

  /// Returns the first element of a slot, for a row of the chunk.
  double* at(const Slot& slot, int64_t row);

 private:
  std::array<std::vector<double>, 5> storage_;
  int64_t row_size_ = 0;
};

/// A block: `count` positions of the reduced axis from `first` on.
struct Block {
  int64_t first = 0;
  int64_t count = 1;
  /// For the stage `scaled`: the scale of each element.
  const double* scales = nullptr;
};

class Evaluator {
 public:
  using VisitElement =
      std::function<void(int64_t element, std::span<const double> lanes)>;

  Evaluator(const Program& program, std::span<const ArrayView> arguments);

  /// Computes all values of a stage. `row` counts within the chunk, `index`
  /// is its position on the kept axis.
  void evaluate(Stage stage, Values& values, int64_t row, int64_t index,
                Block block) const;

  /// Calls `visit(element, lanes)` with the values of an instruction at the
  /// elements of an output, one for each position of the block.
  void for_each_element(const ProgramOutput& output, const Use& use,
                        Values& values, int64_t row, Block block,
                        const VisitElement& visit) const;

  [[nodiscard]] std::span<const Slot> slots() const { return slots_; }

  /// Returns the number of elements that one pair needs: a measure of its work.
  [[nodiscard]] int64_t elements_per_pair() const;

 private:
  /// An instruction with the loops that it takes.
  struct Step {
    std::vector<int64_t> extents;
    /// For each operand, its stride in elements along each axis.
    std::vector<std::vector<int64_t>> strides;
  };

  [[nodiscard]] Stage stage_of(Rate rate) const;
  /// Returns the array that a load reads: an argument, or the scales.
  [[nodiscard]] BoundArray array_of(const Instruction& load, Block block) const;
  /// Returns the feature axes of that array.
  [[nodiscard]] const std::vector<Axis>& features_of(
      const Instruction& load) const;
  [[nodiscard]] Step make_step(const std::vector<Axis>& axes,
                               std::span<const Use> operands) const;
  void load(std::size_t position, double* element, int64_t index,
            Block block) const;
  /// Clamps finite numbers to a quarter of the range of the arrays' format.
  void clamp(double* values, int64_t count) const;
  void compute(std::size_t position, Values& values, int64_t row,
               int64_t count) const;

  const Program& program_;
  std::vector<BoundArray> arguments_;
  std::vector<Slot> slots_;
  std::vector<Step> steps_;
};

}  // namespace gramless::reference
