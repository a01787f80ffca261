// SPDX-License-Identifier: MIT
// Tests batches by plain loops.
#include "gramless/call/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "gramless/call.h"
#include "gramless/error.h"

namespace gramless {
namespace {

constexpr int64_t B = 3, M = 5, N = 7, D = 2;

std::vector<double> numbers(int64_t count, double phase) {
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t k = 0; k < values.size(); ++k) {
    values[k] = std::sin(phase + 1.7 * static_cast<double>(k * k));
  }
  return values;
}

/// Points x of three problems; y, gamma and b, which they share.
struct Problems {
  std::vector<double> x = numbers(B * M * D, 0);
  std::vector<double> y = numbers(N * D, 1);
  std::vector<double> gamma = {0.5, 0.7, 0.9};
  std::vector<double> b = numbers(N, 2);

  [[nodiscard]] Arguments arguments() const {
    return {.x = {ArrayView::contiguous(x.data(), {B, M, D})},
            .y = {ArrayView::contiguous(y.data(), {N, D})},
            .gamma = {{ArrayView::contiguous(gamma.data(), {B, 1, 1})}},
            .b = {ArrayView::contiguous(b.data(), {N, 1})}};
  }
  [[nodiscard]] double kernel(int64_t problem, int64_t i, int64_t j) const {
    double q = 0;
    for (int64_t d = 0; d < D; ++d) {
      const double difference =
          x[static_cast<std::size_t>((problem * M + i) * D + d)] -
          y[static_cast<std::size_t>(j * D + d)];
      q += difference * difference;
    }
    return std::exp(-gamma[static_cast<std::size_t>(problem)] * q);
  }
};

TEST(Batch, ComputesEachProblem) {
  const Problems problems;
  std::vector<double> result(B * M);
  kernel_product(Kernel("gaussian(x,y)"), problems.arguments(),
                 MutableArrayView::contiguous(result.data(), {B, M, 1}));
  for (int64_t at = 0; at < B * M; ++at) {
    double expected = 0;
    for (int64_t j = 0; j < N; ++j) {
      expected += problems.kernel(at / M, at % M, j) *
                  problems.b[static_cast<std::size_t>(j)];
    }
    EXPECT_NEAR(result[static_cast<std::size_t>(at)], expected, 1e-13);
  }
}

TEST(Batch, SumsGradientsOfWhatProblemsShare) {
  const Problems problems;
  const Kernel kernel("gaussian(x,y)");
  std::vector<ArrayView> arrays = flatten(problems.arguments());
  const std::vector<double> weights = numbers(B * M, 3);
  arrays.push_back(ArrayView::contiguous(weights.data(), {B, M, 1}));
  std::vector<double> of_b(N), of_gamma(B);
  ArrayFunction::of(kernel, problems.arguments())
      .vjp({3, 2})(
          arrays, {{MutableArrayView::contiguous(of_b.data(), {N, 1}),
                    MutableArrayView::contiguous(of_gamma.data(), {B, 1, 1})}});
  for (int64_t j = 0; j < N; ++j) {
    double expected = 0;
    for (int64_t at = 0; at < B * M; ++at) {
      expected += problems.kernel(at / M, at % M, j) *
                  weights[static_cast<std::size_t>(at)];
    }
    EXPECT_NEAR(of_b[static_cast<std::size_t>(j)], expected, 1e-13);
  }
  for (int64_t problem = 0; problem < B; ++problem) {
    double expected = 0;
    for (int64_t i = 0; i < M; ++i) {
      for (int64_t j = 0; j < N; ++j) {
        const double k = problems.kernel(problem, i, j);
        expected += std::log(k) /
                    problems.gamma[static_cast<std::size_t>(problem)] * k *
                    problems.b[static_cast<std::size_t>(j)] *
                    weights[static_cast<std::size_t>(problem * M + i)];
      }
    }
    EXPECT_NEAR(of_gamma[static_cast<std::size_t>(problem)], expected, 1e-13);
  }
}

TEST(Batch, SaysWhatDoesNotFit) {
  const Problems problems;
  const Kernel kernel("gaussian(x,y)");
  Arguments arguments = problems.arguments();
  std::vector<double> result(B * M);
  const auto problem_of =
      [&](const std::vector<int64_t>& shape) -> std::string {
    try {
      kernel_product(kernel, arguments,
                     MutableArrayView::contiguous(result.data(), shape));
    } catch (const ArgumentError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(problem_of({M, 1}),
            "kernel_product(): expected result of the shape (..., M, E) = "
            "(3, 5, 1), got (5, 1).");
  arguments.b = {ArrayView::contiguous(problems.x.data(), {2, N, 1})};
  EXPECT_EQ(problem_of({B, M, 1}),
            "kernel_product(): expected x[0] and b to have leading dimensions "
            "that broadcast, got x[0] (3, 5, 2) and b (2, 7, 1).");
}

TEST(Batch, LooksForInterruptsBetweenProblems) {
  const std::vector<double> x = numbers(1000 * M * D, 0);
  const Problems problems;
  Arguments arguments = problems.arguments();
  arguments.x = {ArrayView::contiguous(x.data(), {1000, M, D})};
  arguments.gamma = {{ArrayView::contiguous(problems.gamma.data(), {1})}};
  std::vector<double> result(1000 * M);
  int calls = 0;
  Options options;
  options.interrupt = [&calls] {
    if (++calls == 3) throw std::runtime_error("stop");
  };
  EXPECT_THROW(
      kernel_product(Kernel("gaussian(x,y)"), arguments,
                     MutableArrayView::contiguous(result.data(), {1000, M, 1}),
                     options),
      std::runtime_error);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(result.back(), 0);
}

TEST(Batch, BroadcastsFromTheEnd) {
  std::vector<int64_t> batch = {1, 3};
  const std::vector<int64_t> longer = {4, 2, 1};
  const std::vector<int64_t> other = {2};
  EXPECT_TRUE(broadcast(batch, longer));
  EXPECT_THAT(batch, testing::ElementsAre(4, 2, 3));
  EXPECT_FALSE(broadcast(batch, other));
}

TEST(Batch, FindsResultsWhoseProblemsOverlap) {
  const Problems problems;
  std::vector<double> result(B * M);
  MutableArrayView view =
      MutableArrayView::contiguous(result.data(), {B, M, 1});
  view.strides[0] = M - 1;
  EXPECT_THROW(
      kernel_product(Kernel("gaussian(x,y)"), problems.arguments(), view),
      ArgumentError);
}

}  // namespace
}  // namespace gramless
