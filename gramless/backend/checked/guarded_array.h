// SPDX-License-Identifier: MIT
// Arrays between guard pages.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

#include "gramless/arrays.h"

namespace gramless::checked {

/// Which end of an array touches its guard page; at the other end there is a
/// gap before the guard page.
enum class Edge : uint8_t { begin, end };

/// A row-major array of its own pages, between two guard pages. Touching one
/// stops the process.
class GuardedArray {
 public:
  /// Throws std::bad_alloc.
  GuardedArray(DType dtype, std::vector<int64_t> shape, Edge edge);
  GuardedArray(GuardedArray&& other) noexcept;
  GuardedArray& operator=(GuardedArray&&) = delete;
  ~GuardedArray();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  /// Sets all bits: each element is a NaN that no arithmetic makes.
  void mark_unwritten() const;
  /// Returns whether an element is no longer as it was marked.
  [[nodiscard]] bool is_written(std::size_t element) const;
  [[nodiscard]] bool has_bytes_of(const GuardedArray& other) const;
  [[nodiscard]] const MutableArrayView& view() const { return view_; }
  [[nodiscard]] ArrayView const_view() const {
    return {view_.data, view_.dtype, view_.shape, view_.strides, view_.device};
  }

 private:
  void* pages_ = nullptr;
  std::size_t size_ = 0;
  std::span<std::byte> bytes_;
  MutableArrayView view_;
};

}  // namespace gramless::checked
