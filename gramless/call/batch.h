// SPDX-License-Identifier: MIT
// Batches: arrays whose leading dimensions count problems of one size.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/backend/backend.h"

namespace gramless {

/// Returns the leading dimensions of a shape: those in front of rows and
/// columns.
std::span<const int64_t> leading_dimensions(const std::vector<int64_t>& shape);

/// Broadcasts leading dimensions, aligned at their ends, to those of a batch;
/// returns false where they do not fit.
bool broadcast(std::vector<int64_t>& batch, std::span<const int64_t> leading);

/// Returns the leading dimensions of all arrays, broadcast. They were checked.
std::vector<int64_t> batch_of(std::span<const ArrayView> arrays);

/// Returns the number of elements of a shape.
int64_t elements_in(std::span<const int64_t> shape);

/// An array of all problems of a batch.
template <class View>
class BatchedArray {
 public:
  using Pointer = decltype(View::data);

  BatchedArray(const View& view, std::span<const int64_t> batch);

  /// Returns the array of the first problem: with rows and columns, or columns
  /// alone.
  [[nodiscard]] View first(bool has_rows) const;
  /// Returns where the array of a problem starts.
  [[nodiscard]] Pointer data_of(int64_t problem) const;
  /// Whether problems share a part of it.
  [[nodiscard]] bool is_shared() const;
  /// The parts that are there, and where each starts.
  [[nodiscard]] int64_t parts() const { return elements_in(extents_); }
  [[nodiscard]] Pointer part(int64_t index) const;
  /// Returns the part that a problem has.
  [[nodiscard]] int64_t part_of(int64_t problem) const;

 private:
  [[nodiscard]] Pointer data_at(int64_t index,
                                std::span<const int64_t> shape) const;

  View view_;
  std::vector<int64_t> batch_;
  /// Of each dimension of the batch; 1 and 0 where it is broadcast.
  std::vector<int64_t> extents_;
  std::vector<int64_t> strides_;
};

/// A batch of problems. Arrays stand in the order of a function's.
struct Batch {
  std::vector<BatchedArray<ArrayView>> arguments;
  std::vector<BatchedArray<MutableArrayView>> results;
  std::vector<bool> argument_has_rows;
  std::vector<bool> result_has_rows;
  int64_t problems = 0;
  /// Pairs of each.
  double pairs = 0;
};

/// Runs one problem.
using RunProblem = std::function<void(std::span<const ArrayView> arguments,
                                      std::span<const MutableArrayView> results,
                                      const RunOptions& how)>;

/// Runs all problems of a batch, each with the bits that it has alone. What
/// problems share of a result gets the sum of theirs, added in their order in
/// float64: `run` computes such results in float64.
void run_batch(const Batch& batch, const RunProblem& run,
               const RunOptions& how);

}  // namespace gramless
