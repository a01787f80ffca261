// SPDX-License-Identifier: MIT
// The locks that a fork waits for, so that a child finds nothing half made.
//
// A child has a copy of all memory, but only the thread that called fork. What
// another thread was about to make, a function-local static for instance,
// stays half made there for ever. So there are no such statics here: whatever
// is made at its first use is made under a lock that a fork waits for.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace gramless {

/// The locks, in the order in which they nest. Whoever holds one waits for no
/// thread and no other lock, such as Python's.
enum class ForkLock : uint8_t {
  first_use,  // All that is done once, and all use of LLVM.
  table,      // A look into a table of what was made.
};

/// Returns a lock that is held over each fork, in parent and child.
std::mutex& fork_lock(ForkLock which);

/// Returns what `make` returned when it was first called. It lives as long as
/// the process. `place` is a static that is constant-initialized, with null.
template <class T, class Make>
T& made_once(std::atomic<T*>& place, const Make& make) {
  if (T* made = place.load(std::memory_order_acquire)) return *made;
  const std::scoped_lock lock(fork_lock(ForkLock::first_use));
  if (T* made = place.load(std::memory_order_relaxed)) return *made;
  T* made = new T(make());
  place.store(made, std::memory_order_release);
  return *made;
}

}  // namespace gramless
