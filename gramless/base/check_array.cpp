// SPDX-License-Identifier: MIT
// Implements the checks of single arrays.
#include "gramless/base/check_array.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "gramless/base/error.h"
#include "gramless/base/text.h"

namespace gramless {
namespace {

/// Returns whether a * b fits 64 bits, and sets a to it.
bool multiply(int64_t& a, int64_t b) {
  return !__builtin_mul_overflow(a, b, &a);
}

/// Returns whether the bytes of all elements can be counted.
bool has_size(const ArrayView& array) {
  const auto& shape = array.shape;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return true;
  int64_t bytes = dtype_size(array.dtype);
  return std::all_of(shape.begin(), shape.end(),
                     [&](int64_t extent) { return multiply(bytes, extent); });
}

/// Returns whether the bytes between the first element and any other one can
/// be counted.
bool has_offsets(const ArrayView& array) {
  int64_t last = 0;
  for (std::size_t axis = 0; axis < array.shape.size(); ++axis) {
    if (array.shape[axis] < 2) continue;
    int64_t offset = array.strides[axis];
    const bool is_small =
        multiply(offset, array.shape[axis] - 1) &&
        offset != std::numeric_limits<int64_t>::min() &&
        !__builtin_add_overflow(last, std::abs(offset), &last);
    if (!is_small) return false;
  }
  return multiply(last, dtype_size(array.dtype));
}

/// Returns whether two elements lie at one address. Of two dimensions with the
/// strides s and t, the nearest such elements are t/g apart in the first and
/// s/g in the second, g their greatest common divisor.
bool overlaps(const MutableArrayView& array) {
  const std::vector<int64_t>& shape = array.shape;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return false;
  std::vector<std::size_t> axes;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == 1) continue;
    if (array.strides[axis] == 0) return true;
    axes.push_back(axis);
  }
  if (axes.size() < 2) return false;
  const int64_t s = std::abs(array.strides[axes[0]]);
  const int64_t t = std::abs(array.strides[axes[1]]);
  const int64_t divisor = std::gcd(s, t);
  return t / divisor < shape[axes[0]] && s / divisor < shape[axes[1]];
}

}  // namespace

void check_array(std::string_view function, std::string_view name,
                 const ArrayView& array) {
  const std::string start = concat(function, "(): expected ", name, " ");
  const std::vector<int64_t>& shape = array.shape;
  if (array.dtype != DType::float32 && array.dtype != DType::float64) {
    throw DTypeError(concat(start,
                            "of dtype float32 or float64, got an unknown ",
                            "one, ", static_cast<int>(array.dtype), "."));
  }
  if (std::any_of(shape.begin(), shape.end(),
                  [](int64_t n) { return n < 0; })) {
    throw ArgumentError(concat(start, "with extents of 0 or more, got ",
                               shape_text(shape), "."));
  }
  if (array.strides.size() != shape.size()) {
    throw ArgumentError(concat(start, "with one stride for each dimension of ",
                               shape_text(shape), ", got the strides ",
                               shape_text(array.strides), "."));
  }
  if (!has_size(array)) {
    throw ArgumentError(concat(start, "of less than 2**63 bytes, got ",
                               shape_text(shape), "."));
  }
  if (!has_offsets(array)) {
    throw ArgumentError(concat(start, "with offsets of less than 2**63 bytes, ",
                               "got the strides ", shape_text(array.strides),
                               " for ", shape_text(shape), "."));
  }
  const bool is_empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  if (array.data == nullptr && !is_empty && array.device.name != "meta") {
    throw ArgumentError(concat(start, "to have memory for ", shape_text(shape),
                               ", got a null pointer."));
  }
}

void check_array(std::string_view function, std::string_view name,
                 const MutableArrayView& array) {
  check_array(function, name, read_only(array));
  if (!overlaps(array)) return;
  throw ArgumentError(
      concat(function, "(): expected ", name,
             " to have an address for each element, got the strides ",
             shape_text(array.strides), " for ", shape_text(array.shape), "."));
}

ArrayView read_only(const MutableArrayView& array) {
  return {array.data, array.dtype, array.shape, array.strides, array.device};
}

}  // namespace gramless
