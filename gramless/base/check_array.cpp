// SPDX-License-Identifier: MIT
// Implements the checks of single arrays.
#include "gramless/base/check_array.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless {
namespace {

/// Sets a to a * b; returns false on overflow.
bool multiply(int64_t& a, int64_t b) {
  return !__builtin_mul_overflow(a, b, &a);
}

/// Returns whether the size in bytes fits 64 bits.
bool has_size(const ArrayView& array) {
  const auto& shape = array.shape;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return true;
  int64_t bytes = dtype_size(array.dtype);
  return std::all_of(shape.begin(), shape.end(),
                     [&](int64_t extent) { return multiply(bytes, extent); });
}

/// Returns whether all offsets in bytes fit 64 bits.
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

/// Returns whether two elements share an address. In two dimensions, with
/// strides s and t and g = gcd(s, t), the closest such elements are t/g apart
/// in the first one and s/g in the second. In more, each stride has to step
/// over all that smaller ones span.
bool overlaps(const MutableArrayView& array) {
  const std::vector<int64_t>& shape = array.shape;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return false;
  struct Dimension {
    int64_t stride;
    int64_t extent;
    auto operator<=>(const Dimension&) const = default;
  };
  std::vector<Dimension> dimensions;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] == 1) continue;
    if (array.strides[axis] == 0) return true;
    dimensions.push_back({std::abs(array.strides[axis]), shape[axis]});
  }
  if (dimensions.size() == 2) {
    const auto& [s, first] = dimensions[0];
    const auto& [t, second] = dimensions[1];
    const int64_t divisor = std::gcd(s, t);
    return t / divisor < first && s / divisor < second;
  }
  std::sort(dimensions.begin(), dimensions.end());
  int64_t span = 1;
  for (const auto& [stride, extent] : dimensions) {
    if (stride < span) return true;
    span += stride * (extent - 1);
  }
  return false;
}

/// The addresses [begin, end) that an array spans.
struct Addresses {
  int64_t begin = 0;
  int64_t end = 0;
};

Addresses addresses_of(const ArrayView& array, std::size_t first_axis) {
  const auto size = static_cast<int64_t>(dtype_size(array.dtype));
  const auto start = static_cast<int64_t>(std::bit_cast<intptr_t>(array.data));
  Addresses result{start, start + size};
  for (std::size_t axis = first_axis; axis < array.shape.size(); ++axis) {
    const int64_t offset = (array.shape[axis] - 1) * array.strides[axis] * size;
    (offset < 0 ? result.begin : result.end) += offset;
  }
  return result;
}

/// Returns whether two matrices with the same row stride occupy disjoint
/// columns: no bytes of their rows coincide modulo `stride`.
bool are_other_columns(const ArrayView& a, const ArrayView& b, int64_t stride) {
  const Addresses of_a = addresses_of(a, 1);
  const Addresses of_b = addresses_of(b, 1);
  const int64_t distance =
      ((of_b.begin - of_a.begin) % stride + stride) % stride;
  return of_a.end - of_a.begin <= distance &&
         of_b.end - of_b.begin <= stride - distance;
}

}  // namespace

bool may_overlap(const ArrayView& a, const ArrayView& b) {
  const auto is_empty = [](const ArrayView& view) {
    return view.data == nullptr ||
           std::find(view.shape.begin(), view.shape.end(), 0) !=
               view.shape.end();
  };
  if (is_empty(a) || is_empty(b)) return false;
  const Addresses of_a = addresses_of(a, 0);
  const Addresses of_b = addresses_of(b, 0);
  if (of_a.end <= of_b.begin || of_b.end <= of_a.begin) return false;
  if (a.shape.size() != 2 || b.shape.size() != 2) return true;
  const auto stride = [](const ArrayView& view) {
    return std::abs(view.strides[0] *
                    static_cast<int64_t>(dtype_size(view.dtype)));
  };
  return stride(a) == 0 || stride(a) != stride(b) ||
         !are_other_columns(a, b, stride(a));
}

std::string ArrayName::text() const {
  return position ? concat(name, "[", *position, "]") : std::string(name);
}

void check_array(std::string_view function, const ArrayName& name,
                 const ArrayView& array) {
  const auto start = [&] {
    return concat(function, "(): expected ", name, " ");
  };
  const std::vector<int64_t>& shape = array.shape;
  if (array.dtype != DType::float32 && array.dtype != DType::float64) {
    throw DTypeError(concat(start(),
                            "of dtype float32 or float64, got an unknown ",
                            "one, ", static_cast<int>(array.dtype), "."));
  }
  if (std::any_of(shape.begin(), shape.end(),
                  [](int64_t n) { return n < 0; })) {
    throw ArgumentError(concat(start(), "with extents of 0 or more, got ",
                               shape_text(shape), "."));
  }
  if (array.strides.size() != shape.size()) {
    throw ArgumentError(concat(
        start(), "with one stride for each dimension of ", shape_text(shape),
        ", got the strides ", shape_text(array.strides), "."));
  }
  if (!has_size(array)) {
    throw ArgumentError(concat(start(), "of less than 2**63 bytes, got ",
                               shape_text(shape), "."));
  }
  if (!has_offsets(array)) {
    throw ArgumentError(concat(
        start(), "with offsets of less than 2**63 bytes, ", "got the strides ",
        shape_text(array.strides), " for ", shape_text(shape), "."));
  }
  const bool is_empty = std::find(shape.begin(), shape.end(), 0) != shape.end();
  if (array.data == nullptr && !is_empty && array.device.name != "meta") {
    throw ArgumentError(concat(start(), "to have memory for ",
                               shape_text(shape), ", got a null pointer."));
  }
}

void check_array(std::string_view function, const ArrayName& name,
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
