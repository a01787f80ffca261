// SPDX-License-Identifier: MIT
// Memory that runs of a program leave for the next one.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

namespace gramless {

/// Returns memory of the C library, aligned to a cache line.
inline void* take_aligned(std::size_t bytes) {
  constexpr std::size_t kLine = 64;
  void* memory = std::aligned_alloc(kLine, (bytes + kLine - 1) / kLine * kLine);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

/// For runs that follow one another on one thread: small problems spend more
/// time in malloc() than with their pairs.
class MemoryPool {
 public:
  void* take(std::size_t bytes) {
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
      if (block->bytes != bytes) continue;
      void* memory = block->memory.release();
      std::swap(*block, blocks_.back());
      blocks_.pop_back();
      return memory;
    }
    return take_aligned(bytes);
  }

  void give_back(void* memory, std::size_t bytes) {
    blocks_.push_back({std::unique_ptr<void, Free>(memory), bytes});
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  struct Block {
    std::unique_ptr<void, Free> memory;
    std::size_t bytes;
  };
  std::vector<Block> blocks_;
};

}  // namespace gramless
