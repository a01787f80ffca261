// SPDX-License-Identifier: MIT
// Holds the locks, and has each fork take them.
#include "gramless/base/fork_lock.h"

#include <pthread.h>

#include <array>

namespace gramless {
namespace {

constinit std::array<std::mutex, 2> locks;
constinit std::atomic<int64_t> depth = 0;

void lock_all() {
  for (std::mutex& lock : locks) lock.lock();
}

void unlock_all() {
  for (std::mutex& lock : locks) lock.unlock();
}

void become_child() {
  ++depth;
  unlock_all();
}

/// Registers the fork handlers: the only code that runs at load time.
[[maybe_unused]] const int kRegistered =
    pthread_atfork(lock_all, unlock_all, become_child);

}  // namespace

std::mutex& fork_lock(ForkLock which) {
  return locks.at(static_cast<std::size_t>(which));
}

int64_t fork_depth() { return depth.load(std::memory_order_relaxed); }

}  // namespace gramless
