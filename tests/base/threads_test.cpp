// SPDX-License-Identifier: MIT
// Tests that tasks run once each, and that failures stop them.
#include "gramless/base/threads.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace gramless {
namespace {

TEST(Threads, RunEachTaskOnce) {
  for (const int threads : {0, 1, 2, 7}) {
    for (const int64_t count : {0, 1, 5, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      parallel_for(count, {threads}, {}, [&](int64_t task) {
        ++runs[static_cast<std::size_t>(task)];
      });
      for (const std::atomic<int>& times : runs) EXPECT_EQ(times, 1);
    }
  }
}

TEST(Threads, HandOnTheException) {
  for (const int threads : {1, 4}) {
    std::atomic<int> runs = 0;
    const auto task = [&](int64_t which) {
      ++runs;
      if (which == 3) throw std::runtime_error("task 3");
    };
    EXPECT_THROW(parallel_for(1000000, {threads}, {}, task),
                 std::runtime_error);
    EXPECT_LT(runs, 1000000);
  }
}

TEST(Threads, StopWhenInterrupted) {
  std::atomic<int> runs = 0;
  int calls = 0;
  const std::function<void()> interrupt = [&] {
    if (++calls == 3) throw std::domain_error("stop");
  };
  const auto task = [&](int64_t) {
    ++runs;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  EXPECT_THROW(parallel_for(100000, {4}, interrupt, task), std::domain_error);
  EXPECT_LT(runs, 100000);
}

TEST(Threads, InterruptOnTheCallersThread) {
  const std::thread::id caller = std::this_thread::get_id();
  const std::function<void()> interrupt = [&] {
    EXPECT_EQ(std::this_thread::get_id(), caller);
  };
  parallel_for(100, {4}, interrupt, [](int64_t) {});
}

/// Calls something on some threads, whatever number was asked for.
Threads pool_of(int size) {
  return {8, [size](int count, const std::function<void()>& work) {
            EXPECT_EQ(count, 8);
            std::vector<std::jthread> others;
            for (int k = 1; k < size; ++k) others.emplace_back(work);
            if (size > 0) work();
          }};
}

TEST(Threads, OfAPoolRunEachTaskOnce) {
  for (const int size : {0, 1, 2, 20}) {
    std::vector<std::atomic<int>> runs(1000);
    parallel_for(1000, pool_of(size), {},
                 [&](int64_t task) { ++runs[static_cast<std::size_t>(task)]; });
    for (const std::atomic<int>& times : runs) EXPECT_EQ(times, 1);
  }
}

TEST(Threads, OfAPoolHandOnTheException) {
  const std::thread::id caller = std::this_thread::get_id();
  for (const int size : {0, 1, 5}) {
    std::atomic<int> runs = 0;
    const auto task = [&](int64_t which) {
      ++runs;
      if (which == 3) throw std::runtime_error("task 3");
    };
    EXPECT_THROW(parallel_for(1000000, pool_of(size), {}, task),
                 std::runtime_error);
    EXPECT_LT(runs, 1000000);
    const std::function<void()> interrupt = [&] {
      EXPECT_EQ(std::this_thread::get_id(), caller);
      throw std::domain_error("stop");
    };
    EXPECT_THROW(parallel_for(8, pool_of(size), interrupt,
                              [](int64_t) {
                                std::this_thread::sleep_for(
                                    std::chrono::milliseconds(5));
                              }),
                 std::domain_error);
  }
}

TEST(Threads, OfAPoolAreLeftAloneByOneTask) {
  Threads threads = pool_of(2);
  threads.run = [](int, const std::function<void()>&) { FAIL(); };
  int runs = 0;
  parallel_for(1, threads, {}, [&](int64_t) { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST(Threads, AreAtLeastOne) { EXPECT_GE(default_thread_count(), 1); }

TEST(Threads, AreAsManyAsTheEnvironmentSays) {
  const char* before = std::getenv("OMP_NUM_THREADS");
  const std::string kept = before == nullptr ? "" : before;
  ASSERT_EQ(setenv("OMP_NUM_THREADS", "123", 1), 0);
  EXPECT_EQ(default_thread_count(), 123);
  if (before == nullptr) {
    unsetenv("OMP_NUM_THREADS");
  } else {
    setenv("OMP_NUM_THREADS", kept.c_str(), 1);
  }
}

/// Writes files of a system with control groups below a folder.
class ControlGroups : public ::testing::Test {
 protected:
  ~ControlGroups() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  const std::filesystem::path root_ =
      std::filesystem::temp_directory_path() /
      ("gramless_threads_test_" + std::to_string(getpid()));
};

TEST_F(ControlGroups, LimitProcessors) {
  EXPECT_EQ(quota_processors(root_), 0);
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(quota_processors(root_), 0);
  write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  EXPECT_EQ(quota_processors(root_), 3);
  write("proc/self/cgroup", "1:cpu:/other\n0::/one/two\n");
  EXPECT_EQ(quota_processors(root_), 3);
  write("sys/fs/cgroup/one/two/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota_processors(root_), 1);
}

TEST_F(ControlGroups, OfVersionOneLimitProcessors) {
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota_processors(root_), 0);
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  EXPECT_EQ(quota_processors(root_), 2);
}

}  // namespace
}  // namespace gramless
