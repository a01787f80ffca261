// SPDX-License-Identifier: MIT
// Arrays of a batch: their leading dimensions count problems of one size.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gramless/arrays.h"

namespace gramless {

/// Returns the leading dimensions of a shape: those in front of rows and
/// columns.
std::span<const int64_t> leading_dimensions(const std::vector<int64_t>& shape);

/// Returns the number of elements of a shape.
int64_t elements_in(std::span<const int64_t> shape);

/// What an array of a problem has in front of its columns.
enum class Lines : uint8_t { none, rows };

/// An array of all problems of a batch.
template <class View>
class BatchedArray {
 public:
  using Pointer = decltype(View::data);

  BatchedArray(const View& view, std::span<const int64_t> batch, Lines lines);

  /// All of it.
  [[nodiscard]] const View& view() const { return view_; }
  [[nodiscard]] Lines lines() const { return lines_; }
  /// Returns the array of the first problem: with rows and columns, or columns
  /// alone.
  [[nodiscard]] View first() const;
  /// Elements from one row to the next, or 0, and from one column to the next.
  [[nodiscard]] int64_t row_stride() const;
  [[nodiscard]] int64_t column_stride() const;
  /// Returns what is so many elements behind its start; null where it has none.
  [[nodiscard]] Pointer behind(int64_t elements) const;
  /// Returns where the array of a problem starts.
  [[nodiscard]] Pointer data_of(int64_t problem) const;
  /// Whether problems share a part of it.
  [[nodiscard]] bool is_shared() const;
  /// The parts that are there, and where each starts.
  [[nodiscard]] int64_t parts() const { return elements_in(extents_); }
  [[nodiscard]] Pointer part(int64_t index) const;
  /// Returns the part that a problem has.
  [[nodiscard]] int64_t part_of(int64_t problem) const;

  /// Of each dimension of the batch, the elements from one part to the next: 0
  /// where problems share a part.
  [[nodiscard]] const std::vector<int64_t>& strides() const { return strides_; }
  /// Likewise, counted in parts.
  [[nodiscard]] const std::vector<int64_t>& part_strides() const {
    return part_strides_;
  }

 private:
  [[nodiscard]] Pointer data_at(int64_t index,
                                std::span<const int64_t> shape) const;

  View view_;
  Lines lines_;
  std::vector<int64_t> batch_;
  /// Of each dimension of the batch; 1 and 0 where it is broadcast.
  std::vector<int64_t> extents_;
  std::vector<int64_t> strides_;
  std::vector<int64_t> part_strides_;
};

/// A batch of problems. Arrays stand in the order of a function's.
struct Batch {
  std::vector<BatchedArray<ArrayView>> arguments;
  std::vector<BatchedArray<MutableArrayView>> results;
  std::vector<int64_t> leading;
  int64_t problems = 1;
  /// Pairs of each.
  double pairs = 0;
};

/// Returns a batch of one problem, which has no leading dimensions.
Batch batch_of_one(std::span<const ArrayView> arguments,
                   std::span<const MutableArrayView> results);

}  // namespace gramless
