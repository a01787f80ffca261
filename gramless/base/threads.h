// SPDX-License-Identifier: MIT
// Runs independent tasks on several threads, with interrupts.
#pragma once

#include <cstdint>
#include <functional>

namespace gramless {

/// Called on the caller's thread between tasks; throws to stop the work.
using Interrupt = std::function<void()>;

/// Returns `OMP_NUM_THREADS` where it is a positive number, else the number of
/// processors that this process may run on.
int default_thread_count();

/// Calls `task(0)`, …, `task(count - 1)`, each once, on up to `threads`
/// threads, the caller's among them. Threads live for this call only, so that
/// nothing is left behind for a fork. The first exception of a task or of
/// `interrupt` stops the remaining tasks and is thrown again here.
void parallel_for(int64_t count, int threads, const Interrupt& interrupt,
                  const std::function<void(int64_t)>& task);

}  // namespace gramless
