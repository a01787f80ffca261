// SPDX-License-Identifier: MIT
// Maps pages for arrays.
#include "gramless/backend/checked/guarded_array.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

namespace gramless::checked {

GuardedArray::GuardedArray(DType dtype, std::vector<int64_t> shape, Edge edge) {
  auto size = static_cast<std::size_t>(dtype_size(dtype));
  for (const int64_t extent : shape) size *= static_cast<std::size_t>(extent);
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t inside = (size + page - 1) / page * page;
  size_ = inside + 2 * page;
  pages_ = mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages_ == MAP_FAILED) throw std::bad_alloc();
  std::byte* const first = static_cast<std::byte*>(pages_) + page;
  if (inside > 0 && mprotect(first, inside, PROT_READ | PROT_WRITE) != 0) {
    munmap(pages_, size_);
    throw std::bad_alloc();
  }
  bytes_ = {first + (edge == Edge::end ? inside - size : 0), size};
  std::vector<int64_t> strides = row_major_strides(shape);
  view_ = {bytes_.data(), dtype, std::move(shape), std::move(strides), {}};
}

GuardedArray::GuardedArray(GuardedArray&& other) noexcept
    : pages_(std::exchange(other.pages_, nullptr)),
      size_(other.size_),
      bytes_(other.bytes_),
      view_(std::move(other.view_)) {}

GuardedArray::~GuardedArray() {
  if (pages_ != nullptr) munmap(pages_, size_);
}

void GuardedArray::mark_unwritten() const {
  std::fill(bytes_.begin(), bytes_.end(), std::byte{0xff});
}

bool GuardedArray::is_written(std::size_t element) const {
  const auto size = static_cast<std::size_t>(dtype_size(view_.dtype));
  const auto bytes = bytes_.subspan(element * size, size);
  return std::any_of(bytes.begin(), bytes.end(),
                     [](std::byte each) { return each != std::byte{0xff}; });
}

bool GuardedArray::has_bytes_of(const GuardedArray& other) const {
  return std::equal(bytes_.begin(), bytes_.end(), other.bytes_.begin(),
                    other.bytes_.end());
}

}  // namespace gramless::checked
