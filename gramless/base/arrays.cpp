// SPDX-License-Identifier: MIT
// Implements element access of array views.
#include "gramless/arrays.h"

#include <algorithm>

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless {
namespace {

/// Returns whether a shape has `size` elements, without multiplying extents
/// that may be anything.
bool has_size(std::span<const int64_t> shape, std::size_t size) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return size == 0;
  for (const int64_t extent : shape) {
    const auto divisor = static_cast<std::size_t>(extent);
    if (extent < 0 || size % divisor != 0) return false;
    size /= divisor;
  }
  return size == 1;
}

void check_size(std::string_view function, std::span<const int64_t> shape,
                std::size_t size) {
  if (has_size(shape, size)) return;
  throw ArgumentError(concat(function,
                             "(): expected data with an element for each "
                             "position of the shape ",
                             shape_text(shape), ", got ", size, "."));
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  return dtype == DType::float32 ? "float32" : "float64";
}

int64_t dtype_size(DType dtype) { return dtype == DType::float32 ? 4 : 8; }

double ArrayView::at(int64_t offset) const {
  switch (dtype) {
    case DType::float32:
      return static_cast<double>(static_cast<const float*>(data)[offset]);
    case DType::float64:
      return static_cast<const double*>(data)[offset];
  }
  throw InternalError("ArrayView::at(): unknown dtype.");
}

ArrayView ArrayView::contiguous(std::span<const float> data,
                                std::vector<int64_t> shape) {
  check_size("ArrayView::contiguous", shape, data.size());
  return contiguous(data.data(), std::move(shape));
}

ArrayView ArrayView::contiguous(std::span<const double> data,
                                std::vector<int64_t> shape) {
  check_size("ArrayView::contiguous", shape, data.size());
  return contiguous(data.data(), std::move(shape));
}

MutableArrayView MutableArrayView::contiguous(std::span<float> data,
                                              std::vector<int64_t> shape) {
  check_size("MutableArrayView::contiguous", shape, data.size());
  return contiguous(data.data(), std::move(shape));
}

MutableArrayView MutableArrayView::contiguous(std::span<double> data,
                                              std::vector<int64_t> shape) {
  check_size("MutableArrayView::contiguous", shape, data.size());
  return contiguous(data.data(), std::move(shape));
}

void MutableArrayView::store(int64_t offset, double value) const {
  switch (dtype) {
    case DType::float32:
      static_cast<float*>(data)[offset] = static_cast<float>(value);
      return;
    case DType::float64:
      static_cast<double*>(data)[offset] = value;
      return;
  }
  throw InternalError("MutableArrayView::store(): unknown dtype.");
}

std::vector<int64_t> row_major_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  // Unsigned, because shapes are only checked later: those of more than 2^63
  // elements would overflow.
  uint64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = static_cast<int64_t>(stride);
    stride *= static_cast<uint64_t>(shape[axis]);
  }
  return strides;
}

}  // namespace gramless
