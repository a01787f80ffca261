// SPDX-License-Identifier: MIT
// Implements the parallel loop with threads that live for one call.
#include "gramless/base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace gramless {

int default_thread_count() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    const std::string_view view(text);
    int threads = 0;
    std::from_chars(view.data(), view.data() + view.size(), threads);
    if (threads > 0) return threads;
  }
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return std::max(1, CPU_COUNT(&allowed));
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(int64_t count, int threads, const Interrupt& interrupt,
                  const std::function<void(int64_t)>& task) {
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&](bool is_caller) {
    try {
      while (true) {
        const int64_t index = next.fetch_add(1);
        if (index >= count) return;
        if (is_caller && interrupt) interrupt();
        task(index);
      }
    } catch (...) {
      next.store(count);
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::thread> workers;
  for (int64_t w = 1; w < std::min<int64_t>(threads, count); ++w) {
    try {
      workers.emplace_back(work, false);
    } catch (const std::system_error&) {
      break;  // No more threads to be had: the ones we have do the work.
    }
  }
  work(true);
  for (std::thread& worker : workers) worker.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gramless
