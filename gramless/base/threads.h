// SPDX-License-Identifier: MIT
// Runs independent tasks on several threads, with interrupts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace gramless {

/// Returns `OMP_NUM_THREADS` where it is a positive number, else the number of
/// processors that the affinity and the control group of this process allow.
int default_thread_count();

/// Returns how many processors the affinity of this process allows.
int affinity_processors();

/// Returns the CPU quota of this process's control group in processors, rounded
/// up; 0 if there is no quota. Tests pass another `root` than `/`.
int quota_processors(const std::filesystem::path& root);

/// Where tasks run.
struct Threads {
  /// At most, the caller's among them.
  int count = 1;
  /// Calls `work` on up to so many threads at once, and returns when all have
  /// returned; empty: on threads that live for one call only, so that nothing
  /// is left behind for a fork.
  std::function<void(int count, const std::function<void()>& work)> run = {};
};

/// Calls `task(0)`, …, `task(count - 1)`, each once, on some threads.
/// `interrupt` is called on the caller's thread between tasks. The first
/// exception of a task or of `interrupt` stops the remaining tasks and is
/// thrown again here.
void parallel_for(int64_t count, const Threads& threads,
                  const std::function<void()>& interrupt,
                  const std::function<void(int64_t)>& task);

}  // namespace gramless
