// SPDX-License-Identifier: MIT
// Tests forks while other threads are in their first calls: each test runs in
// a process of its own.
#include <gramless/gramless.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

namespace gramless {
namespace {

/// Seconds that a child may take.
constexpr unsigned kLimit = 60;

/// Computes k = exp(-q) + number between some points, and explains it; returns
/// whether the result is right. Each number is a kernel that is compiled.
bool is_right(int number, Mode mode) {
  const std::vector<double> x = {0, 1, 2};
  const std::vector<double> y = {1, 3};
  const std::vector<double> b = {0.5, -1};
  const double gamma = 0.25;
  std::vector<double> a(3);
  const Kernel kernel("gaussian(x,y) + " + std::to_string(number));
  const Arguments arguments{{ArrayView::contiguous(x.data(), {3, 1})},
                            {ArrayView::contiguous(y.data(), {2, 1})},
                            {{ArrayView::contiguous(&gamma, {1})}},
                            {ArrayView::contiguous(b.data(), {2, 1})},
                            mode};
  kernel_product(kernel, arguments,
                 MutableArrayView::contiguous(a.data(), {3, 1}), {});
  bool is_right = !explain(kernel, arguments, CodeText::assembly).empty();
  for (std::size_t i = 0; i < 3; ++i) {
    double expected = 0;
    for (std::size_t j = 0; j < 2; ++j) {
      const double k = std::exp(-gamma * std::pow(x[i] - y[j], 2)) + number;
      expected += mode == Mode::sum ? k * b[j] : k * std::exp(b[j]);
    }
    if (mode == Mode::lse) expected = std::log(expected);
    is_right = is_right && std::abs(a[i] - expected) < 1e-9 * number;
  }
  return is_right;
}

/// Forks; the child computes a kernel and ends. Its time is limited.
pid_t fork_child(int number, Mode mode) {
  const pid_t child = fork();
  if (child != 0) return child;
  alarm(kLimit);
  bool is_good = false;
  try {
    is_good = is_right(number, mode);
  } catch (...) {
    is_good = false;
  }
  _exit(is_good ? 0 : 1);
}

void expect_success(pid_t child, const std::string& when) {
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_FALSE(WIFSIGNALED(status))
      << when << ": ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << when;
}

void run(int threads, Mode mode) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "a child finds the sanitizer's own locks held";
#endif
  expect_success(fork_child(1, mode), "before the first call");
  std::atomic<int> running = threads;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < threads; ++worker) {
    workers.emplace_back([&, worker] {
      for (int k = 0; k < 6; ++k) {
        EXPECT_TRUE(is_right(100 + 10 * worker + k, mode));
      }
      --running;
    });
  }
  std::vector<pid_t> children;
  int pause = 0;
  while (running > 0 && children.size() < 40) {
    children.push_back(
        fork_child(100 + static_cast<int>(children.size()), mode));
    std::this_thread::sleep_for(std::chrono::microseconds(pause += 200));
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_FALSE(children.empty());
  for (const pid_t child : children) expect_success(child, "in the middle");
  expect_success(fork_child(100, mode), "after, of a known kernel");
  expect_success(fork_child(2, mode), "after, of a new kernel");
}

TEST(Fork, DuringFirstCallsOfOneThread) { run(1, Mode::sum); }
TEST(Fork, DuringFirstCallsOfThreads) { run(3, Mode::sum); }
TEST(Fork, DuringFirstCallsOfLogarithms) { run(2, Mode::lse); }

}  // namespace
}  // namespace gramless
