// SPDX-License-Identifier: MIT
// Zero-initialized memory, aligned to a cache line.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

#include "gramless/backend/memory_pool.h"

namespace gramless::cpu {

/// Returns memory to where it was taken from.
struct GiveBack {
  MemoryPool* pool = nullptr;
  std::size_t size = 0;

  void operator()(void* memory) const {
    pool != nullptr ? pool->give_back(memory, size) : std::free(memory);
  }
};

class Buffer {
 public:
  /// Takes memory from a pool, or from the C library.
  explicit Buffer(int64_t bytes = 0, MemoryPool* pool = nullptr) {
    if (bytes == 0) return;
    const auto size = static_cast<std::size_t>(bytes);
    memory_ = {pool != nullptr ? pool->take(size) : take_aligned(size),
               GiveBack{pool, size}};
    std::memset(memory_.get(), 0, size);
  }

  [[nodiscard]] std::byte* bytes() const {
    return static_cast<std::byte*>(memory_.get());
  }
  [[nodiscard]] double* doubles() const {
    return static_cast<double*>(memory_.get());
  }

 private:
  std::unique_ptr<void, GiveBack> memory_;
};

}  // namespace gramless::cpu
