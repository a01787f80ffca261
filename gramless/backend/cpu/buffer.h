// SPDX-License-Identifier: MIT
// Zero-initialized memory, aligned to a cache line.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace gramless::cpu {

class Buffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  explicit Buffer(int64_t bytes = 0) {
    if (bytes == 0) return;
    const auto size = (static_cast<std::size_t>(bytes) + kAlignment - 1) /
                      kAlignment * kAlignment;
    memory_.reset(std::aligned_alloc(kAlignment, size));
    if (!memory_) throw std::bad_alloc();
    std::memset(memory_.get(), 0, size);
  }

  [[nodiscard]] std::byte* bytes() const {
    return static_cast<std::byte*>(memory_.get());
  }
  [[nodiscard]] double* doubles() const {
    return static_cast<double*>(memory_.get());
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
};

}  // namespace gramless::cpu
