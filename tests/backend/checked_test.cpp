// SPDX-License-Identifier: MIT
// Tests that the checked backend finds what an engine does wrong, and nothing
// in what the engines here do.
#include <gtest/gtest.h>

#include <cmath>

#include "evaluate.h"
#include "gramless/backend/backend.h"
#include "gramless/backend/checked/guarded_array.h"
#include "gramless/call/function.h"
#include "gramless/error.h"

namespace gramless {
namespace {

using Taken = std::span<const ArrayView>;
using Given = std::span<const MutableArrayView>;

/// Runs a product of 2 by 3 pairs by an engine, checked. Returns the problem.
std::string problem_of(RunProgram engine) {
  const MapReduce product = testing::product_of("linear(x,y)", Metric::scalar);
  testing::Data data{2, 3, {}};
  testing::fill(data, product, 1);
  std::vector<ArrayView> arguments;
  for (const ArraySpec& spec : product.arguments) {
    const std::vector<double>& values = data.arrays.at(spec.name);
    const int64_t rows = spec.pair == PairIndex::i ? 2 : 3;
    arguments.push_back(ArrayView::contiguous(
        values.data(), {rows, static_cast<int64_t>(values.size()) / rows}));
  }
  std::vector<double> result(4);
  const auto target = MutableArrayView::contiguous(result.data(), {2, 2});
  const std::vector<Program> programs = lower(product);
  try {
    checked::run(engine, {programs[0], programs, programs}, {2, 3}, arguments,
                 {{target}}, {1});
  } catch (const InternalError& error) {
    return error.what();
  }
  testing::expect_close({result}, testing::evaluate(product, data), 1e-14,
                        "linear");
  return "none";
}

TEST(Checked, PassesResultsOn) {
  EXPECT_EQ(problem_of(reference::run), "none");
  EXPECT_EQ(problem_of(cpu::run), "none");
}

TEST(Checked, FindsWhatWasNotWritten) {
  const std::string problem =
      problem_of([](const Program&, Sizes, Taken, Given results,
                    const RunOptions&) { results[0].store(0, 1); });
  EXPECT_EQ(problem,
            "the checked backend found that element 1 of a was not written. "
            "Please report it with the call. This is a bug in Gramless.");
}

TEST(Checked, FindsArgumentsThatWereWrittenTo) {
  const std::string problem = problem_of(
      [](const Program&, Sizes, Taken arguments, Given, const RunOptions&) {
        *static_cast<double*>(const_cast<void*>(arguments[1].data)) = 7;
      });
  EXPECT_NE(problem.find("argument y0 was written to"), std::string::npos)
      << problem;
}

TEST(Checked, FindsRunsThatDiffer) {
  const std::string problem =
      problem_of([](const Program& program, Sizes sizes, Taken arguments,
                    Given results, const RunOptions& options) {
        static double error = 1e-15;
        reference::run(program, sizes, arguments, results, options);
        results[0].store(0, error += 1e-15);
      });
  EXPECT_NE(problem.find("two runs gave different bits in a"),
            std::string::npos)
      << problem;
}

TEST(Checked, FindsWrongNumbers) {
  const std::string problem =
      problem_of([](const Program& program, Sizes sizes, Taken arguments,
                    Given results, const RunOptions& options) {
        reference::run(program, sizes, arguments, results, options);
        results[0].store(3, 17);
      });
  EXPECT_NE(problem.find("element 3 of a is 17, where the reference backend"),
            std::string::npos)
      << problem;
}

TEST(CheckedDeathTest, StopsBehindAnArray) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  using checked::Edge;
  for (const Edge edge : {Edge::begin, Edge::end}) {
    const checked::GuardedArray array(DType::float64, {3, 5}, edge);
    array.view().store(0, 1);
    array.view().store(14, 1);
    EXPECT_DEATH(array.view().store(edge == Edge::end ? 15 : -1, 1), "");
  }
}

/// Computes a kernel product of random points, checked, with a plan forced.
void expect_no_problem(const std::string& name, int64_t M, int64_t N,
                       const PlanOverrides& overrides, VectorIsa most) {
  const MapReduce product = testing::product_of(name, Metric::diagonal);
  testing::Data data{M, N, {}};
  testing::fill(data, product, 5);
  const Kernel kernel(name);
  Arguments arguments;
  for (const ArraySpec& spec : product.arguments) {
    const ArrayView view = ArrayView::contiguous(
        data.arrays.at(spec.name).data(),
        spec.pair == PairIndex::none
            ? std::vector<int64_t>{spec.width()}
            : std::vector<int64_t>{spec.pair == PairIndex::i ? M : N,
                                   spec.width()});
    const char kind = spec.name[0];
    if (kind == 'x') arguments.x.push_back(view);
    if (kind == 'y') arguments.y.push_back(view);
    if (kind == 'b') arguments.b.push_back(view);
  }
  for (std::size_t slot = 0; slot < kernel.parsed().slots.size(); ++slot) {
    const auto found = data.arrays.find("g" + std::to_string(slot));
    Gamma gamma;
    if (found != data.arrays.end()) {
      gamma.array = ArrayView::contiguous(
          found->second.data(), {static_cast<int64_t>(found->second.size())});
    }
    arguments.gamma.push_back(gamma);
  }
  std::vector<double> result(static_cast<std::size_t>(2 * M));
  EXPECT_NO_THROW(
      run_function(ArrayFunction::of(kernel, arguments), flatten(arguments),
                   {{MutableArrayView::contiguous(result.data(), {M, 2})}},
                   {Backend::checked, 2}, {most, overrides}))
      << name << ", M " << M << ", N " << N;
}

TEST(Checked, FindsNothingInAnyPlan) {
  const std::vector<PlanOverrides> plans = {
      {},
      {.lanes = 1},
      {.lanes_along_kept = true},
      {.lanes_along_kept = false},
      {.kept_unroll = 3, .reduced_unroll = 3},
      {.longest_unrolled = 0},
      {.chunk = 64, .splits = 3},
  };
  std::size_t turn = 0;
  for (const std::string& name : testing::sample_kernels()) {
    for (const PlanOverrides& plan : plans) {
      const auto most = static_cast<VectorIsa>(turn % 3);
      expect_no_problem(name, 1 + static_cast<int64_t>(turn * 7 % 40),
                        static_cast<int64_t>(turn * 13 % 150), plan, most);
      ++turn;
    }
  }
}

// The gradient in y0 is 0 up to the rounding of terms that cancel in a pair.
TEST(Checked, MeasuresByTermsThatCancel) {
  const Kernel kernel(
      OwnFormula{"", "Sqrt(X_1)*X_0*Sqrt(X_1)*Norm2(Y_0)/Norm2(Y_0)", "", ""});
  const auto numbers = [](std::size_t count, double phase) {
    std::vector<double> values(count);
    for (std::size_t k = 0; k < count; ++k) {
      values[k] = 1.5 + std::sin(phase + 1.7 * static_cast<double>(k * k));
    }
    return values;
  };
  constexpr int64_t M = 7, N = 9, D = 5;
  const std::vector<double> first = numbers(M, 0), second = numbers(M, 1),
                            y = numbers(N * D, 2), b = numbers(N, 3);
  const Arguments arguments = {
      .x = {ArrayView::contiguous(first.data(), {M, 1}),
            ArrayView::contiguous(second.data(), {M, 1})},
      .y = {ArrayView::contiguous(y.data(), {N, D})},
      .gamma = {},
      .b = {ArrayView::contiguous(b.data(), {N, 1})}};
  std::vector<ArrayView> arrays = flatten(arguments);
  arrays.push_back(ArrayView::contiguous(second.data(), {M, 1}));
  std::vector<double> gradient(N * D);
  EXPECT_NO_THROW(
      ArrayFunction::of(kernel, arguments)
          .vjp({2})(arrays,
                    {{MutableArrayView::contiguous(gradient.data(), {N, D})}},
                    {Backend::checked, 1}));
}

}  // namespace
}  // namespace gramless
