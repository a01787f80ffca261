// SPDX-License-Identifier: MIT
// Which problems of a batch a grid takes at once: a slab. Its blocks along z
// count problems, so there is one stride between these in each array.
//
//   leading dimensions along which one stride does for each array are one
//   the last one that is left, or a longer one, is cut into slabs
//   the others are loops around that
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace gramless {

/// Some problems that follow one another.
struct Slab {
  int64_t problems = 1;
  /// Of each array, where the first of the problems has it.
  std::vector<int64_t> offsets;
  /// Of each array, whether no problem of another slab in front, or behind, has
  /// the same part of it.
  std::vector<bool> is_first;
  std::vector<bool> is_last;
};

/// The problems of a batch as slabs, in the order of the problems at first.
class Slabs {
 public:
  /// The strides of each array along the dimensions of a batch: 0 where
  /// problems share it.
  using Strides = std::vector<std::vector<int64_t>>;

  Slabs(std::span<const int64_t> batch, const Strides& arrays);

  /// Cuts the longest dimension into slabs, instead of the last one, with which
  /// problems that share a part of one of some arrays stay in their order.
  void cut_longest(std::span<const std::size_t> ordered);

  /// Problems that a slab may have.
  [[nodiscard]] int64_t longest() const { return dimensions_.back().extent; }
  /// Slabs of at most so many problems.
  [[nodiscard]] int64_t count(int64_t most) const;
  /// Returns how far problems of a slab are from one another in an array.
  [[nodiscard]] int64_t stride(std::size_t array) const {
    return dimensions_.back().strides[array];
  }

  /// Calls `visit` for each slab of at most so many problems.
  void for_each(int64_t most,
                const std::function<void(const Slab&)>& visit) const;

 private:
  struct Dimension {
    int64_t extent = 1;
    std::vector<int64_t> strides;  // Of each array.
  };

  /// Adds a dimension behind the others.
  void add(Dimension dimension);
  /// Whether problems that share a part of an array stay in their order where
  /// a dimension becomes the last one.
  [[nodiscard]] bool keeps_order(std::size_t dimension,
                                 std::size_t array) const;
  [[nodiscard]] Slab slab_at(std::span<const int64_t> index,
                             int64_t problems) const;

  /// One at least.
  std::vector<Dimension> dimensions_;
};

}  // namespace gramless
