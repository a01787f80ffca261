// SPDX-License-Identifier: MIT
// Implements arrays of a batch.
#include "gramless/base/batched_array.h"

#include <cstddef>
#include <functional>
#include <numeric>
#include <type_traits>

namespace gramless {

std::span<const int64_t> leading_dimensions(const std::vector<int64_t>& shape) {
  const std::size_t count = shape.size() > 2 ? shape.size() - 2 : 0;
  return std::span(shape).first(count);
}

int64_t elements_in(std::span<const int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1},
                         std::multiplies<>());
}

template <class View>
BatchedArray<View>::BatchedArray(const View& view,
                                 std::span<const int64_t> batch, Lines lines)
    : view_(view),
      lines_(lines),
      batch_(batch.begin(), batch.end()),
      extents_(batch.size(), 1),
      strides_(batch.size(), 0) {
  const std::size_t leading = leading_dimensions(view.shape).size();
  const std::size_t first = batch.size() - leading;
  for (std::size_t k = 0; k < leading; ++k) {
    extents_[first + k] = view.shape[k];
    if (view.shape[k] != 1) strides_[first + k] = view.strides[k];
  }
  part_strides_ = row_major_strides(extents_);
  for (std::size_t k = 0; k < batch.size(); ++k) {
    if (extents_[k] == 1) part_strides_[k] = 0;
  }
}

template <class View>
View BatchedArray<View>::first() const {
  View result = view_;
  const std::size_t leading = leading_dimensions(view_.shape).size();
  const std::size_t dropped =
      view_.shape.size() > 2 && lines_ == Lines::none ? 1 : 0;
  const auto end = static_cast<std::ptrdiff_t>(leading + dropped);
  result.shape.erase(result.shape.begin(), result.shape.begin() + end);
  result.strides.erase(result.strides.begin(), result.strides.begin() + end);
  return result;
}

template <class View>
int64_t BatchedArray<View>::row_stride() const {
  const std::size_t axes = view_.strides.size();
  return axes > 1 && lines_ == Lines::rows ? view_.strides[axes - 2] : 0;
}

template <class View>
int64_t BatchedArray<View>::column_stride() const {
  return view_.strides.empty() ? 0 : view_.strides.back();
}

template <class View>
auto BatchedArray<View>::data_of(int64_t problem) const -> Pointer {
  return data_at(problem, batch_);
}

template <class View>
auto BatchedArray<View>::part(int64_t index) const -> Pointer {
  return data_at(index, extents_);
}

template <class View>
bool BatchedArray<View>::is_shared() const {
  return extents_ != batch_;
}

template <class View>
int64_t BatchedArray<View>::part_of(int64_t problem) const {
  int64_t part = 0;
  for (std::size_t k = batch_.size(); k-- > 0;) {
    part += problem % batch_[k] * part_strides_[k];
    problem /= batch_[k];
  }
  return part;
}

template <class View>
auto BatchedArray<View>::data_at(int64_t index,
                                 std::span<const int64_t> shape) const
    -> Pointer {
  if (view_.data == nullptr) return nullptr;  // Extents may be 0.
  int64_t offset = 0;
  for (std::size_t k = shape.size(); k-- > 0;) {
    offset += index % shape[k] * strides_[k];
    index /= shape[k];
  }
  return behind(offset);
}

template <class View>
auto BatchedArray<View>::behind(int64_t elements) const -> Pointer {
  if (view_.data == nullptr) return nullptr;
  using Byte =
      std::conditional_t<std::is_const_v<std::remove_pointer_t<Pointer>>,
                         const std::byte, std::byte>;
  return static_cast<Byte*>(view_.data) + elements * dtype_size(view_.dtype);
}

template class BatchedArray<ArrayView>;
template class BatchedArray<MutableArrayView>;

Batch batch_of_one(std::span<const ArrayView> arguments,
                   std::span<const MutableArrayView> results) {
  Batch batch;
  for (const ArrayView& view : arguments) {
    batch.arguments.emplace_back(view, batch.leading, Lines::rows);
  }
  for (const MutableArrayView& view : results) {
    batch.results.emplace_back(view, batch.leading, Lines::rows);
  }
  return batch;
}

}  // namespace gramless
