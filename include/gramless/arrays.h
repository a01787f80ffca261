// SPDX-License-Identifier: MIT
// Views of the caller's arrays: pointer, shape, strides, dtype and device.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gramless/export.h"

namespace gramless {

/// Which pair axis an array is indexed by.
enum class PairIndex : uint8_t { none, i, j };

enum class DType : uint8_t { float32, float64 };

/// Returns `float32` or `float64`.
GRAMLESS_API std::string_view dtype_name(DType dtype);

/// Returns the size of an element in bytes.
GRAMLESS_API int64_t dtype_size(DType dtype);

/// Where an array lives: `cpu`, `cuda:0`, … The text decides equality.
struct Device {
  std::string name = "cpu";
  bool operator==(const Device&) const = default;
};

/// A read-only view of an array. Strides count elements, and may be zero or
/// negative.
struct GRAMLESS_API ArrayView {
  const void* data = nullptr;
  DType dtype = DType::float64;
  std::vector<int64_t> shape = {};
  std::vector<int64_t> strides = {};
  Device device = {};

  /// Returns the element at an offset counted in elements.
  [[nodiscard]] double at(int64_t offset) const;

  /// Returns a view of row-major data.
  template <class T>
  static ArrayView contiguous(const T* data, std::vector<int64_t> shape);
  /// Likewise. Throws ArgumentError unless the shape has as many elements.
  static ArrayView contiguous(std::span<const float> data,
                              std::vector<int64_t> shape);
  static ArrayView contiguous(std::span<const double> data,
                              std::vector<int64_t> shape);
};

/// A view of an array that the library writes to.
struct GRAMLESS_API MutableArrayView {
  void* data = nullptr;
  DType dtype = DType::float64;
  std::vector<int64_t> shape = {};
  std::vector<int64_t> strides = {};
  Device device = {};

  /// Rounds `value` to the dtype and stores it at an offset in elements.
  void store(int64_t offset, double value) const;

  /// Returns a view of row-major data.
  template <class T>
  static MutableArrayView contiguous(T* data, std::vector<int64_t> shape);
  /// Likewise. Throws ArgumentError unless the shape has as many elements.
  static MutableArrayView contiguous(std::span<float> data,
                                     std::vector<int64_t> shape);
  static MutableArrayView contiguous(std::span<double> data,
                                     std::vector<int64_t> shape);
};

/// Returns the strides of row-major data of the given shape, in elements.
GRAMLESS_API std::vector<int64_t> row_major_strides(
    const std::vector<int64_t>& shape);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::float32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::float64;
}

template <class T>
ArrayView ArrayView::contiguous(const T* data, std::vector<int64_t> shape) {
  std::vector<int64_t> strides = row_major_strides(shape);
  return {data, dtype_of<T>(), std::move(shape), std::move(strides), {}};
}

template <class T>
MutableArrayView MutableArrayView::contiguous(T* data,
                                              std::vector<int64_t> shape) {
  std::vector<int64_t> strides = row_major_strides(shape);
  return {data, dtype_of<T>(), std::move(shape), std::move(strides), {}};
}

}  // namespace gramless
