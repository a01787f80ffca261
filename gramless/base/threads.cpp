// SPDX-License-Identifier: MIT
// Implements the parallel loop.
#include "gramless/base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace gramless {

namespace {

/// Returns the words of a file, none if it cannot be read.
std::vector<std::string> words_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istream_iterator<std::string>(file), {}};
}

/// Returns the quotient of two texts, rounded up; 0 unless both are positive.
int rounded_up(const std::string& quota, const std::string& period) {
  const auto number = [](const std::string& text) {
    int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  const int64_t a = number(quota);
  const int64_t b = number(period);
  return a > 0 && b > 0 ? static_cast<int>((a + b - 1) / b) : 0;
}

}  // namespace

int affinity_processors() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return std::max(1, CPU_COUNT(&allowed));
  }
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Version 2 has one file with quota and period in the group's folder, which
// /proc names as `0::/folder`; version 1 has two files.
int quota_processors(const std::filesystem::path& root) {
  const std::filesystem::path groups = root / "sys/fs/cgroup";
  std::vector<std::filesystem::path> folders{groups};
  for (const std::string& line : words_of(root / "proc/self/cgroup")) {
    if (line.starts_with("0::/")) folders.push_back(groups / line.substr(4));
  }
  int least = 0;
  const auto limit = [&](int processors) {
    if (processors > 0)
      least = least == 0 ? processors : std::min(least, processors);
  };
  for (const std::filesystem::path& folder : folders) {
    const std::vector<std::string> words = words_of(folder / "cpu.max");
    if (words.size() == 2) limit(rounded_up(words[0], words[1]));
  }
  const std::vector<std::string> quota =
      words_of(groups / "cpu/cpu.cfs_quota_us");
  const std::vector<std::string> period =
      words_of(groups / "cpu/cpu.cfs_period_us");
  if (quota.size() == 1 && period.size() == 1)
    limit(rounded_up(quota[0], period[0]));
  return least;
}

int default_thread_count() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    const std::string_view view(text);
    int threads = 0;
    std::from_chars(view.data(), view.data() + view.size(), threads);
    if (threads > 0) return threads;
  }
  const int quota = quota_processors("/");
  const int processors = affinity_processors();
  return quota > 0 ? std::min(quota, processors) : processors;
}

namespace {

/// Calls `work` on threads that live for this call only.
void run_on_new_threads(int64_t count, const std::function<void()>& work) {
  std::vector<std::thread> workers;
  for (int64_t w = 1; w < count; ++w) {
    try {
      workers.emplace_back(work);
    } catch (const std::system_error&) {
      break;  // No more threads to be had: the ones we have do the work.
    }
  }
  work();
  for (std::thread& worker : workers) worker.join();
}

}  // namespace

void parallel_for(int64_t count, const Threads& threads,
                  const std::function<void()>& interrupt,
                  const std::function<void(int64_t)>& task) {
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    const bool is_caller = std::this_thread::get_id() == caller;
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
  if (threads.run && threads.count > 1 && count > 1) {
    // On all, for some pools end those that a call leaves out.
    threads.run(threads.count, work);
    work();  // What is left where it was called on no thread.
  } else {
    run_on_new_threads(std::min<int64_t>(threads.count, count), work);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gramless
