// SPDX-License-Identifier: MIT
// Tests batches on grids against the reference backend, and bit by bit against
// each problem alone.
#include "gramless/codegen/cuda/batch_launches.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "codegen/cuda/grid_suite.h"
#include "fuzz/stages.h"
#include "gramless/base/check_array.h"
#include "gramless/base/text.h"
#include "gramless/call/batch.h"
#include "gramless/call/function.h"
#include "gramless/plan/sweeps.h"
#include "gramless/transform/expand.h"

namespace gramless::testing {
namespace {

using Shape = std::vector<int64_t>;

/// An array with memory of its own. Elements may be apart from one another.
class Numbers {
 public:
  Numbers(const Shape& shape, DType dtype, int64_t apart = 1)
      : memory_(static_cast<std::size_t>(apart * elements_in(shape) *
                                         dtype_size(dtype))),
        apart_(apart) {
    std::vector<int64_t> strides = row_major_strides(shape);
    for (int64_t& stride : strides) stride *= apart;
    view_ = {memory_.data(), dtype, shape, strides, {}};
    fill([] { return std::numeric_limits<double>::quiet_NaN(); });
  }
  Numbers(Numbers&&) = default;

  void fill(const std::function<double()>& next) {
    const int64_t count = elements_in(view_.shape);
    for (int64_t k = 0; k < count; ++k) view_.store(k * apart_, next());
  }

  [[nodiscard]] const MutableArrayView& view() const { return view_; }
  [[nodiscard]] ArrayView read() const { return read_only(view_); }
  /// Returns the elements in row-major order.
  [[nodiscard]] std::vector<double> values() const {
    std::vector<double> values;
    const int64_t count = elements_in(view_.shape);
    for (int64_t k = 0; k < count; ++k) {
      values.push_back(read().at(k * apart_));
    }
    return values;
  }

 private:
  std::vector<std::byte> memory_;
  int64_t apart_ = 1;
  MutableArrayView view_;
};

Lines lines_of(const ArrayForm& form) {
  return form.pair == PairIndex::none ? Lines::none : Lines::rows;
}

/// A call of a function on a batch.
struct BatchedCall {
  ArrayFunction function;
  Sizes sizes;
  DType dtype = DType::float64;
  std::vector<std::shared_ptr<const Numbers>> arguments = {};

  [[nodiscard]] Shape shape_of(const ArrayForm& form,
                               const Shape& leading) const {
    const bool is_none = form.pair == PairIndex::none;
    const int64_t rows = form.pair == PairIndex::i   ? sizes.M
                         : form.pair == PairIndex::j ? sizes.N
                                                     : 1;
    Shape shape = leading;
    if (!is_none || !leading.empty()) shape.push_back(rows);
    shape.push_back(form.columns);
    return shape;
  }

  [[nodiscard]] std::vector<ArrayView> views() const {
    std::vector<ArrayView> views;
    for (const auto& array : arguments) views.push_back(array->read());
    return views;
  }

  [[nodiscard]] std::vector<Numbers> make_results(int64_t apart = 1) const {
    std::vector<Numbers> results;
    for (const auto& [shape, its] : function.result_forms(views())) {
      results.emplace_back(shape, its, apart);
    }
    return results;
  }

  [[nodiscard]] Batch batch(const std::vector<Numbers>& results) const {
    Batch batch;
    batch.leading = batch_of(views());
    batch.problems = elements_in(batch.leading);
    for (std::size_t k = 0; k < arguments.size(); ++k) {
      batch.arguments.emplace_back(arguments[k]->read(), batch.leading,
                                   lines_of(function.arguments()[k]));
    }
    for (std::size_t k = 0; k < results.size(); ++k) {
      batch.results.emplace_back(results[k].view(), batch.leading,
                                 lines_of(function.results()[k]));
    }
    return batch;
  }
};

/// What runs batches, and how.
struct Grid {
  GridExecutor& executor;
  GridChoices choices;

  void run(const Program& program, Sizes sizes, const Batch& batch) const {
    executor.run(program, sizes, batch, choices);
  }

  /// Returns the same with launches that take no more than some limits.
  [[nodiscard]] Grid within(const BatchLimits& limits) const {
    Grid grid = *this;
    grid.choices.limits = limits;
    return grid;
  }
};

/// Returns the function's programs, which compute in float64 what problems
/// share.
std::vector<Program> programs_of(const ArrayFunction& function,
                                 const std::vector<bool>& is_shared) {
  const auto wide = with_wide_results(function.state(), is_shared);
  return plan_grid_sweeps(expand(wide->runnable.map_reduce));
}

std::vector<bool> shared_results(const Batch& batch) {
  std::vector<bool> is_shared;
  for (const auto& result : batch.results) {
    is_shared.push_back(result.is_shared());
  }
  return is_shared;
}

std::vector<Numbers> run_on(const Grid& grid, const BatchedCall& call,
                            int64_t apart = 1) {
  std::vector<Numbers> results = call.make_results(apart);
  const Batch batch = call.batch(results);
  for (const Program& program :
       programs_of(call.function, shared_results(batch))) {
    grid.run(program, call.sizes, batch);
  }
  return results;
}

/// Returns the results in float64 of each problem alone, added up in the order
/// of the problems where these share them, and rounded.
std::vector<std::vector<double>> alone(const Grid& grid,
                                       const BatchedCall& call) {
  const std::vector<Numbers> results = call.make_results();
  const Batch batch = call.batch(results);
  const std::vector<bool> is_shared = shared_results(batch);
  const std::vector<Program> programs = programs_of(call.function, is_shared);
  std::vector<std::vector<double>> sums(results.size());
  for (int64_t problem = 0; problem < batch.problems; ++problem) {
    std::vector<ArrayView> own_arguments;
    for (const auto& array : batch.arguments) {
      own_arguments.push_back(array.first());
      own_arguments.back().data = array.data_of(problem);
    }
    std::vector<Numbers> own;
    std::vector<MutableArrayView> own_results;
    for (std::size_t k = 0; k < results.size(); ++k) {
      const MutableArrayView view = batch.results[k].first();
      own.emplace_back(view.shape, is_shared[k] ? DType::float64 : view.dtype);
    }
    for (const Numbers& each : own) own_results.push_back(each.view());
    for (const Program& program : programs) {
      grid.run(program, call.sizes, batch_of_one(own_arguments, own_results));
    }
    for (std::size_t k = 0; k < results.size(); ++k) {
      const std::vector<double> values = own[k].values();
      const auto parts = static_cast<std::size_t>(batch.results[k].parts());
      sums[k].resize(parts * values.size());
      const auto part =
          static_cast<std::size_t>(batch.results[k].part_of(problem));
      for (std::size_t n = 0; n < values.size(); ++n) {
        sums[k][part * values.size() + n] += values[n];
      }
    }
  }
  for (std::size_t k = 0; k < results.size(); ++k) {
    const bool is_narrow = results[k].view().dtype == DType::float32;
    sums[k].resize(results[k].values().size());
    for (double& sum : sums[k]) {
      if (is_narrow) sum = static_cast<double>(static_cast<float>(sum));
    }
  }
  return sums;
}

std::vector<std::vector<double>> by_reference(const BatchedCall& call) {
  std::vector<std::vector<double>> values;
  std::vector<Numbers> results;
  std::vector<MutableArrayView> views;
  for (const Numbers& each : call.make_results()) {
    results.emplace_back(each.view().shape, DType::float64);
    views.push_back(results.back().view());
  }
  run_function(call.function, call.views(), views,
               {.backend = Backend::reference}, {});
  for (const Numbers& each : results) values.push_back(each.values());
  return values;
}

void expect_near(const std::vector<double>& actual,
                 const std::vector<double>& expected, DType dtype) {
  ASSERT_EQ(actual.size(), expected.size());
  double scale = 1;
  for (const double value : expected) {
    if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
  }
  const double tolerance = scale * (dtype == DType::float32 ? 1e-4 : 1e-11);
  for (std::size_t k = 0; k < actual.size(); ++k) {
    if (actual[k] == expected[k]) continue;  // Infinite ones among others.
    ASSERT_NEAR(actual[k], expected[k], tolerance) << k;
  }
}

/// Returns what runs a call by one of the first two choices, which differ most.
Grid drawn_grid(Draw& draw, GridExecutor& executor) {
  return {executor, executor.choices().at(draw.below(2))};
}

/// Expects what the reference backend gives, and of each problem the bits that
/// it has alone, whatever a launch takes. Returns the results.
std::vector<Numbers> expect_right(Draw& draw, GridExecutor& executor,
                                  const BatchedCall& call) {
  const Grid grid = drawn_grid(draw, executor);
  std::vector<Numbers> results = run_on(grid, call);
  const std::vector<std::vector<double>> single = alone(grid, call);
  const std::vector<std::vector<double>> reference = by_reference(call);
  for (std::size_t k = 0; k < results.size(); ++k) {
    EXPECT_EQ(results[k].values(), single[k]) << k;
    expect_near(results[k].values(), reference[k], call.dtype);
  }
  const BatchLimits limits{draw.one_of<int64_t>({1, 2, 3, 65535}),
                           draw.one_of<int64_t>({0, 4096, 65536})};
  const std::vector<Numbers> others = run_on(grid.within(limits), call, 3);
  for (std::size_t k = 0; k < results.size(); ++k) {
    EXPECT_EQ(others[k].values(), results[k].values()) << k;
  }
  return results;
}

/// Returns some of a batch's leading dimensions: the last ones, of which some
/// are broadcast.
Shape draw_leading(Draw& draw, const Shape& batch) {
  const std::size_t count = draw.below(batch.size() + 1);
  Shape leading(batch.end() - static_cast<std::ptrdiff_t>(count), batch.end());
  for (int64_t& extent : leading) {
    if (draw.below(4) == 0) extent = 1;
  }
  return leading;
}

/// Returns an array with values between -1 and 1, or 0 and 1 for a gamma.
std::shared_ptr<const Numbers> drawn(Draw& draw, std::string_view name,
                                     Numbers numbers) {
  numbers.fill([&] {
    const double value = static_cast<double>(draw.below(4096) + 1) / 4096;
    return name.starts_with('g') ? value : 2 * value - 1;
  });
  return std::make_shared<const Numbers>(std::move(numbers));
}

BatchedCall draw_call(Draw& draw, const ArrayFunction& function,
                      const Shape& batch) {
  BatchedCall call{function,
                   {draw.one_of<int64_t>({1, 3, 9, 17, 0}),
                    draw.one_of<int64_t>({1, 2, 30, 600, 0})},
                   draw.one_of({DType::float32, DType::float64})};
  for (const ArrayForm& form : function.arguments()) {
    const Shape shape = call.shape_of(form, draw_leading(draw, batch));
    const auto apart = static_cast<int64_t>(1 + draw.below(2));
    call.arguments.push_back(
        drawn(draw, form.name, Numbers(shape, call.dtype, apart)));
  }
  return call;
}

/// Returns the derivative of a call by some arguments.
BatchedCall derivative_of(Draw& draw, const BatchedCall& call,
                          std::vector<Numbers> results) {
  std::vector<std::size_t> wrt;
  for (std::size_t k = 0; k < call.arguments.size(); ++k) {
    if (draw.below(3) != 0) wrt.push_back(k);
  }
  if (wrt.empty()) wrt.push_back(draw.below(call.arguments.size()));
  BatchedCall derivative{call.function.vjp(wrt), call.sizes, call.dtype,
                         call.arguments};
  const Shape shape = results.front().view().shape;
  if (call.function.is_logarithm()) {
    for (const std::size_t k : {2, 1}) {
      derivative.arguments.push_back(
          std::make_shared<const Numbers>(std::move(results[k])));
    }
  }
  derivative.arguments.push_back(
      drawn(draw, "cotangent", Numbers(shape, call.dtype)));
  return derivative;
}

/// Draws the forms of a kernel's arguments.
Signature draw_signature(Draw& draw, const ParsedKernel& kernel, Mode mode) {
  const auto D = static_cast<int64_t>(1 + draw.below(3));
  Signature signature{mode, {}, draw.one_of<int64_t>({1, 2, 17})};
  signature.kernel.x_widths.assign(kernel.x_count, D);
  signature.kernel.y_widths.assign(kernel.y_count, D);
  for (const GammaSlot& slot : kernel.slots) {
    const bool is_none = slot.parameter == Parameter::none;
    signature.kernel.gammas.push_back(
        is_none ? GammaForm{}
                : GammaForm{1, draw.one_of({PairIndex::none, PairIndex::j})});
  }
  return signature;
}

TEST_P(GridBatches, OfAnyFormAreComputed) {
  const Kernel kernel(text());
  int count = 0;
  for (const Mode mode : {Mode::sum, Mode::lse}) {
    if (mode == Mode::lse && kernel.parsed().x_count > 1) continue;
    for (const Shape& batch : std::vector<Shape>{
             {1}, {4}, {2, 3}, {3, 1, 2}, {2, 2, 3}, {0}, {2, 0}}) {
      const std::string drawn = concat(text(), " ", count++);
      SCOPED_TRACE(drawn);
      Draw draw(drawn);
      const Signature signature = draw_signature(draw, kernel.parsed(), mode);
      const BatchedCall call =
          draw_call(draw, function_of(kernel, signature), batch);
      std::vector<Numbers> results = expect_right(draw, executor(), call);
      expect_right(draw, executor(),
                   derivative_of(draw, call, std::move(results)));
      if (HasFailure()) return;
    }
  }
  EXPECT_GE(count, 7);
}

/// A gaussian product, all of whose arguments but one are shared by the
/// problems of a batch, or none.
BatchedCall shared_call(Draw& draw, const Shape& batch,
                        std::optional<std::size_t> own, Sizes sizes,
                        DType dtype = DType::float32) {
  const Signature signature{Mode::sum, {{2}, {2}, {{1, PairIndex::none}}}, 1};
  BatchedCall call{function_of(Kernel("gaussian(x,y)"), signature), sizes,
                   dtype};
  for (const ArrayForm& form : call.function.arguments()) {
    const bool is_shared = own && call.arguments.size() != *own;
    const Shape shape = call.shape_of(form, is_shared ? Shape{} : batch);
    call.arguments.push_back(drawn(draw, form.name, Numbers(shape, dtype)));
  }
  return call;
}

BatchedCall gradient_of(Draw& draw, const BatchedCall& call,
                        const std::vector<std::size_t>& wrt = {0, 1, 2, 3}) {
  BatchedCall gradient{call.function.vjp(wrt), call.sizes, call.dtype,
                       call.arguments};
  const Shape shape = call.make_results().front().view().shape;
  gradient.arguments.push_back(
      drawn(draw, "cotangent", Numbers(shape, call.dtype)));
  return gradient;
}

TEST_P(GridBatch, SumsGradientsOfAllThatProblemsShare) {
  Draw draw("shared");
  for (const Shape& batch : std::vector<Shape>{{5}, {3, 4}}) {
    for (const std::size_t own : {0, 1, 2, 3}) {
      for (const DType dtype : {DType::float32, DType::float64}) {
        // So many columns that several blocks take parts of them.
        const BatchedCall call =
            shared_call(draw, batch, own, {3, 1100}, dtype);
        expect_right(draw, executor(), gradient_of(draw, call));
      }
    }
  }
}

/// In float32, small terms behind a large one would be lost.
TEST_P(GridBatch, SumsInFloat64) {
  Draw draw("small terms");
  BatchedCall call = shared_call(draw, {2001}, 0, {1, 1});
  call = gradient_of(draw, call);
  double next = 1;
  const auto set = [&](std::size_t k, const std::function<double()>& value) {
    Numbers numbers(call.arguments[k]->view().shape, DType::float32);
    numbers.fill(value);
    call.arguments[k] = std::make_shared<const Numbers>(std::move(numbers));
  };
  set(0, [] { return 0; });
  set(1, [] { return 0; });
  set(4, [&] { return std::exchange(next, 0x1p-24); });
  const Grid grid{executor(), small_grid()};
  const std::vector<Numbers> gradients =
      run_on(grid.within({.problems = 100}), call);
  EXPECT_EQ(gradients[3].values()[0], 1 + 2000 * 0x1p-24);
}

TEST_P(GridBatch, HasMoreProblemsThanAGridAlongZ) {
  Draw draw("many");
  const BatchedCall call = shared_call(draw, {65537}, 0, {1, 1});
  const int64_t before = executor().launches();
  const std::vector<Numbers> results = run_on({executor(), small_grid()}, call);
  EXPECT_EQ(executor().launches() - before, 2);
  expect_near(results[0].values(), by_reference(call)[0], DType::float32);
}

/// The bytes that the launches of a gradient take, and their number.
struct Extent {
  int64_t bytes = 0;
  int64_t launches = 0;
};

Extent extent_of(const BatchedCall& call) {
  const std::vector<Numbers> results = call.make_results();
  const Batch batch = call.batch(results);
  Extent extent;
  for (const Program& program :
       programs_of(call.function, shared_results(batch))) {
    const GridPlan plan =
        make_grid_plan(program, sweep_sizes(program, call.sizes), call.dtype);
    const BatchLaunches launches(program, plan, batch);
    extent.bytes = std::max(extent.bytes, launches.workspace_bytes());
    launches.queue(reinterpret_cast<void*>(0x100),
                   [&](const KernelLaunch& launch, auto) {
                     EXPECT_GE(launch.problems, 1);
                     EXPECT_LE(launch.problems, kMostBlocks);
                     ++extent.launches;
                   });
  }
  return extent;
}

TEST(BatchLaunches, TakeNoMoreThanTheWorkspace) {
  Draw draw("workspace");
  // A gradient of y takes 160 kB for each problem in float64.
  const BatchedCall call = shared_call(draw, {3000}, 0, {2, 10000});
  const Extent many = extent_of(gradient_of(draw, call));
  EXPECT_LE(many.bytes, kWorkspaceBytes);
  EXPECT_GE(many.bytes, kWorkspaceBytes / 2);
  const Extent few =
      extent_of(gradient_of(draw, shared_call(draw, {3}, 0, {2, 10000})));
  EXPECT_LT(few.bytes, 4 * 300'000);
  EXPECT_LT(few.launches, many.launches);
}

/// A product of which one argument has problems along one dimension of a batch,
/// and another one along the other.
BatchedCall crossed_call(Draw& draw) {
  BatchedCall call = shared_call(draw, {}, {}, {3, 4});
  const auto set = [&](std::size_t k, const Shape& leading) {
    const Shape shape = call.shape_of(call.function.arguments()[k], leading);
    call.arguments[k] = drawn(draw, "", Numbers(shape, call.dtype));
  };
  set(0, {100, 1});
  set(1, {2});
  return call;
}

TEST(BatchLaunches, AreFewWhereProblemsAreCrossed) {
  Draw draw("crossed");
  const BatchedCall call = crossed_call(draw);
  EXPECT_EQ(extent_of(call).launches, 2);
  // Two kernels, and sums of what the problems of a launch share, and of what
  // those of several launches do.
  const BatchedCall gradient = gradient_of(draw, call, {0, 1});
  EXPECT_EQ(extent_of(gradient).launches, 2 * (2 + 2));
  // All problems share b: their gradients are added in their order.
  const BatchedCall of_all = gradient_of(draw, call, {3});
  EXPECT_EQ(extent_of(of_all).launches, 100 * (1 + 1));
}

TEST_P(GridBatch, ComputesCrossedProblems) {
  Draw draw("crossed");
  const BatchedCall call = crossed_call(draw);
  expect_right(draw, executor(), call);
  expect_right(draw, executor(), gradient_of(draw, call, {0, 1}));
  expect_right(draw, executor(), gradient_of(draw, call, {3}));
}

}  // namespace
}  // namespace gramless::testing
