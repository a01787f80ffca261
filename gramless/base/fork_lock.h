// SPDX-License-Identifier: MIT
// Locks that are held across fork(), so that no child inherits a half-made
// object.
//
// A child process has a copy of all memory, but only the thread that called
// fork(). What another thread was constructing, such as a function-local
// static, stays unfinished in the child for ever. So the library has no such
// statics: first-use initialization runs under a lock that fork() waits for.
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

/// Returns how many forks lie between the process that loaded the library and
/// this one. What cannot be inherited remembers the number.
int64_t fork_depth();

/// Returns what `make` returned when it was first called. It lives as long as
/// the process. `index` is a static that is constant-initialized, with null.
template <class T, class Make>
T& made_once(std::atomic<T*>& index, const Make& make) {
  if (T* made = index.load(std::memory_order_acquire)) return *made;
  const std::scoped_lock lock(fork_lock(ForkLock::first_use));
  if (T* made = index.load(std::memory_order_relaxed)) return *made;
  T* made = new T(make());
  index.store(made, std::memory_order_release);
  return *made;
}

}  // namespace gramless
