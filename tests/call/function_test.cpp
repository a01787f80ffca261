// SPDX-License-Identifier: MIT
// Tests the public C++ functions against plain loops.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numbers>
#include <thread>

#include "gramless/call/function.h"
#include "gramless/gramless.h"

namespace gramless {
namespace {

/// Numbers without a pattern that a wrong index would keep.
std::vector<double> numbers(std::size_t count, double seed) {
  std::vector<double> result(count);
  for (std::size_t k = 0; k < count; ++k) {
    result[k] = std::sin(seed + 1.7 * static_cast<double>(k * k + k));
  }
  return result;
}

struct Problem {
  std::size_t M = 37;
  std::size_t N = 300;
  std::size_t D = 3;
  std::vector<double> x = numbers(M * D, 0.1);
  std::vector<double> y = numbers(N * D, 0.2);
  std::vector<double> b = numbers(N, 0.3);
  double gamma = 0.7;

  [[nodiscard]] Arguments arguments() const {
    const auto rows = [](std::size_t n) { return static_cast<int64_t>(n); };
    return {{ArrayView::contiguous(x.data(), {rows(M), rows(D)})},
            {ArrayView::contiguous(y.data(), {rows(N), rows(D)})},
            {{ArrayView::contiguous(&gamma, {})}},
            {ArrayView::contiguous(b.data(), {rows(N), 1})}};
  }

  [[nodiscard]] double squared(std::size_t i, std::size_t j) const {
    double sum = 0;
    for (std::size_t d = 0; d < D; ++d) {
      sum += std::pow(x[i * D + d] - y[j * D + d], 2);
    }
    return sum;
  }
};

TEST(KernelProduct, AgreesWithPlainLoops) {
  const Problem p;
  std::vector<double> a(p.M);
  kernel_product(Kernel("gaussian(x,y)"), p.arguments(),
                 MutableArrayView::contiguous(a.data(), {37, 1}));
  for (std::size_t i = 0; i < p.M; ++i) {
    double expected = 0;
    for (std::size_t j = 0; j < p.N; ++j) {
      expected += std::exp(-p.gamma * p.squared(i, j)) * p.b[j];
    }
    EXPECT_NEAR(a[i], expected, 1e-13);
  }
}

TEST(KernelProduct, GivesTheGradientOfGamma) {
  const Problem p;
  const Kernel kernel("cauchy(x,y)");
  const Arguments arguments = p.arguments();
  const ArrayFunction function = ArrayFunction::of(kernel, arguments);
  std::vector<ArrayView> arrays = flatten(arguments);
  const std::vector<double> ones(p.M, 1);
  arrays.push_back(ArrayView::contiguous(ones.data(), {37, 1}));
  std::vector<double> by_threads;
  for (const int threads : {1, 2, 3}) {
    double gradient = 0;
    function.vjp({2})(arrays, {{MutableArrayView::contiguous(&gradient, {1})}},
                      {Backend::automatic, threads, {}});
    by_threads.push_back(gradient);
  }
  double expected = 0;
  for (std::size_t i = 0; i < p.M; ++i) {
    for (std::size_t j = 0; j < p.N; ++j) {
      const double q = p.squared(i, j);
      expected -= q / std::pow(1 + p.gamma * q, 2) * p.b[j];
    }
  }
  EXPECT_NEAR(by_threads[0], expected, 1e-11);
  EXPECT_EQ(by_threads[0], by_threads[1]);
  EXPECT_EQ(by_threads[0], by_threads[2]);
}

TEST(KernelProduct, SaysWhatWasExpectedAndWhatCame) {
  Problem p;
  Arguments arguments = p.arguments();
  arguments.y[0].shape = {450, 2};
  try {
    ArrayFunction::of(Kernel("gaussian(x,y)"), arguments);
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(),
                 "ArrayFunction::of(): expected x[0] and y[0] to have the same "
                 "number of columns, got x[0] (37, 3) and y[0] (450, 2).");
  }
}

/// Expects that a product fills a result of some strides, and nothing else.
void expect_filled(int64_t row_stride, int64_t column_stride, int64_t start) {
  Problem p;
  Arguments arguments = p.arguments();
  const std::vector<double> b(2 * p.N, 1);
  arguments.b = {ArrayView::contiguous(b.data(), {300, 2})};
  for (const Backend backend : {Backend::automatic, Backend::reference}) {
    std::vector<double> memory(400, -1);
    kernel_product(Kernel("cauchy(x,y)**0"), arguments,
                   {memory.data() + start,
                    DType::float64,
                    {37, 2},
                    {row_stride, column_stride},
                    {}},
                   {backend});
    EXPECT_EQ(std::count(memory.begin(), memory.end(), 300), 74);
    EXPECT_EQ(std::count(memory.begin(), memory.end(), -1), 326);
  }
}

TEST(KernelProduct, WritesToAnyStrides) {
  expect_filled(2, 1, 0);
  expect_filled(1, 37, 0);
  expect_filled(3, 200, 0);
  expect_filled(-2, 1, 200);
  expect_filled(-7, -3, 399);
  expect_filled(2, 3, 0);  // Rows lie between each other.
}

TEST(KernelProduct, TakesNoMemoryForNoElements) {
  Arguments arguments = Problem().arguments();
  arguments.x = {{nullptr, DType::float64, {0, 3}, {3, 1}, {}}};
  EXPECT_NO_THROW(kernel_product(
      Kernel("gaussian(x,y)"), arguments,
      MutableArrayView{nullptr, DType::float64, {0, 1}, {1, 1}, {}}));
}

TEST(KernelProduct, LooksForInterruptsBetweenChunks) {
  const Problem p;
  std::vector<double> a(p.M);
  const auto calls_with = [&](int64_t chunk) {
    int calls = 0;
    const Arguments arguments = p.arguments();
    run_function(ArrayFunction::of(Kernel("gaussian(x,y)"), arguments),
                 flatten(arguments),
                 {{MutableArrayView::contiguous(a.data(), {37, 1})}},
                 {Backend::automatic, 1, [&] { ++calls; }},
                 {.plan = {.chunk = chunk, .splits = 1}});
    return calls;
  };
  // The 300 sources are one chunk, or five, each packed and then summed.
  EXPECT_GE(calls_with(64), calls_with(512) + 8);
}

/// The gradient of b of sum_j x y b, with a cotangent c, is sum_i c. Terms that
/// are not 0 lie in one task each: 3 is lost next to 2^70, unless it comes
/// late.
TEST(SweepOfBothAxes, AddsTheRowsOfAColumnInOrder) {
  constexpr std::size_t kDistance = 1100;
  constexpr std::size_t kTerms = 6;
  const std::vector<float> x(kDistance * kTerms, 1.0F);
  const std::vector<float> y(4096, 1.0F);
  std::vector<float> cotangent(x.size());
  const auto view = [](const std::vector<float>& numbers) {
    const auto rows = static_cast<int64_t>(numbers.size());
    return ArrayView::contiguous(numbers.data(), {rows, 1});
  };
  const Arguments arguments{{view(x)}, {view(y)}, {{}}, {view(y)}};
  const ArrayFunction gradients =
      ArrayFunction::of(Kernel("linear(x,y)"), arguments).vjp({0, 2});
  std::vector<ArrayView> arrays = flatten(arguments);
  arrays.push_back(view(cotangent));
  std::vector<float> grad_x(x.size());
  std::vector<float> grad_b(y.size());
  // The caller's thread is slower than the others, which must not overtake it.
  const auto sleep = [] {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  };
  for (std::size_t first = 0; first < 3; ++first) {
    double expected = 0;
    for (std::size_t k = 0; k < kTerms; ++k) {
      const float term =
          std::array{3.0F, 0x1p70F, -0x1p70F}.at((first + k) % 3);
      cotangent[k * kDistance] = term;
      expected += static_cast<double>(term);
    }
    for (const int threads : {1, 4}) {
      gradients(arrays,
                {{MutableArrayView::contiguous(grad_x.data(), {6600, 1}),
                  MutableArrayView::contiguous(grad_b.data(), {4096, 1})}},
                {Backend::automatic, threads, sleep});
      EXPECT_EQ(std::count(grad_b.begin(), grad_b.end(), expected), 4096);
    }
  }
}

/// Threads whose tasks wait for each other stop as well, wherever an interrupt
/// comes.
TEST(SweepOfBothAxes, StopsAllTasks) {
  Problem p;
  p.M = 3000;
  p.N = 1500;
  p.x = numbers(p.M * p.D, 0.1);
  p.y = numbers(p.N * p.D, 0.2);
  p.b = numbers(p.N, 0.3);
  const Arguments arguments = p.arguments();
  const ArrayFunction gradients =
      ArrayFunction::of(Kernel("gaussian(x,y)"), arguments).vjp({0, 1});
  std::vector<ArrayView> arrays = flatten(arguments);
  const std::vector<double> ones(p.M, 1);
  arrays.push_back(ArrayView::contiguous(ones.data(), {3000, 1}));
  std::vector<double> x(p.x.size());
  std::vector<double> y(p.y.size());
  const std::vector<MutableArrayView> results = {
      MutableArrayView::contiguous(x.data(), {3000, 3}),
      MutableArrayView::contiguous(y.data(), {1500, 3})};
  struct Stop {};
  bool is_finished = false;
  for (int last = 0; last < 400 && !is_finished; last += 7) {
    int calls = 0;
    const auto interrupt = [&] {
      if (calls++ == last) throw Stop();
    };
    try {
      gradients(arrays, results, {Backend::automatic, 4, interrupt});
      is_finished = true;
    } catch (const Stop&) {
      EXPECT_EQ(calls, last + 1);
    }
  }
  EXPECT_TRUE(is_finished);
}

TEST(Function, RunsOnThreadsOfAPool) {
  const Problem p{.M = 2000, .N = 3000};
  const Kernel kernel("gaussian(x,y)");
  const auto run = [&](const RunOnThreads& on_threads) {
    std::vector<double> a(p.M);
    kernel_product(kernel, p.arguments(),
                   MutableArrayView::contiguous(a.data(), {2000, 1}),
                   {.threads = 3, .on_threads = on_threads});
    return a;
  };
  int calls = 0;
  const auto pool = [&](int threads, const std::function<void()>& work) {
    EXPECT_EQ(threads, 3);
    ++calls;
    const std::jthread other(work);
    work();
  };
  EXPECT_EQ(run(pool), run({}));
  EXPECT_GT(calls, 0);
}

/// Sums in float64, and logarithms of sums, of terms in float32: each block is
/// exact, and the last term is lost in float32.
TEST(KernelProduct, KeepsSumsOfLogarithmsInFloat64) {
  const std::vector<float> x = {0.0F};
  const std::vector<float> y((1U << 18U) + 1, 0.0F);
  std::vector<float> b(y.size(), 1.0F);
  const auto rows = static_cast<int64_t>(y.size());
  b.back() = 0x1p-8F;
  const Arguments arguments{{ArrayView::contiguous(x.data(), {1, 1})},
                            {ArrayView::contiguous(y.data(), {rows, 1})},
                            {{ArrayView::contiguous(x.data(), {1})}},
                            {ArrayView::contiguous(b.data(), {rows, 1})}};
  Arguments logits = arguments;
  logits.mode = Mode::lse;
  std::vector<float> logarithms(b.size(), 0.0F);
  logarithms.back() = -8 * std::numbers::ln2_v<float>;
  logits.b[0].data = logarithms.data();
  const Kernel kernel("gaussian(x,y)");
  const ArrayFunction function = ArrayFunction::of(kernel, logits);
  std::vector<ArrayView> arrays = flatten(logits);
  const std::vector<ResultForm> forms = function.result_forms(arrays);
  ASSERT_EQ(forms.size(), 3U);
  EXPECT_EQ(forms[0].dtype, DType::float32);
  EXPECT_EQ(forms[1].dtype, DType::float64);
  EXPECT_EQ(forms[2].dtype, DType::float32);
  float a = 0;
  float shift = 0;
  double sum = 0;
  function(arrays, {{MutableArrayView::contiguous(&a, {1, 1}),
                     MutableArrayView::contiguous(&sum, {1, 1}),
                     MutableArrayView::contiguous(&shift, {1, 1})}});
  EXPECT_EQ(shift, 0);
  EXPECT_NEAR(sum, 0x1p18 + 0x1p-8, 0x1p-20);
  EXPECT_NE(sum, static_cast<double>(static_cast<float>(sum)));
}

TEST(KernelProduct, TakesSumsOfLogarithmsInFloat64) {
  Problem p;
  Arguments arguments = p.arguments();
  arguments.mode = Mode::lse;
  std::vector<float> values(1000, 0.5F);
  for (ArrayView* view : {&arguments.x[0], &arguments.y[0],
                          &*arguments.gamma[0].array, &arguments.b[0]}) {
    view->data = values.data();
    view->dtype = DType::float32;
  }
  const ArrayFunction vjp =
      ArrayFunction::of(Kernel("gaussian(x,y)"), arguments).vjp({3}, {1});
  std::vector<ArrayView> arrays = flatten(arguments);
  std::vector<double> wide(37, 1);
  std::vector<float> gradient(300);
  const ArrayView narrow = ArrayView::contiguous(values.data(), {37, 1});
  const ArrayView state = ArrayView::contiguous(wide.data(), {37, 1});
  const MutableArrayView result =
      MutableArrayView::contiguous(gradient.data(), {300, 1});
  arrays.insert(arrays.end(), {narrow, state, state});
  EXPECT_NO_THROW(vjp(arrays, {{result}}));
  arrays.back() = narrow;
  try {
    vjp(arrays, {{result}});
    FAIL();
  } catch (const DTypeError& error) {
    EXPECT_STREQ(error.what(),
                 "ArrayFunction(): expected cot_sum of dtype float64, as in "
                 "calls of any dtype, got float32.");
  }
}

TEST(KernelProduct, ExplainsItself) {
  const Problem p;
  const std::string text = explain(Kernel("gaussian(x,y)"), p.arguments());
  EXPECT_NE(text.find("a[i,e:1] = sum_j(b[j,e]*exp(-g0[]*"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace gramless
