// SPDX-License-Identifier: MIT
// Tests every row of the table of reductions on all backends, on both axes, in
// any split: against loops of its own, in long double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "codegen/cuda/emulated_grid.h"
#include "evaluate.h"
#include "gramless/backend/backend.h"
#include "gramless/base/check_array.h"
#include "gramless/ir/printer.h"
#include "gramless/ir/reader.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using Arrays = std::map<std::string, std::vector<double>>;
using Results = std::vector<std::vector<double>>;

/// An engine with the choices that it is forced to.
struct Way {
  std::string name;
  RunProgram run;
  RunOptions options;
};

/// Runs a program on a grid that the CPU emulates, by one of its choices.
template <std::size_t kChoice>
void run_on_grid(const Program& program, Sizes sizes,
                 std::span<const ArrayView> arguments,
                 std::span<const MutableArrayView> results,
                 const RunOptions& options) {
  testing::GridExecutor& grid = testing::emulated_grid();
  grid.run(program, sizes, batch_of_one(arguments, results),
           with_forced(grid.choices()[kChoice], options.forced));
}

/// Returns the reference, and generated code for each processor, with lanes
/// along either axis, in one part or in several.
std::vector<Way> all_ways() {
  std::vector<Way> ways = {{"reference", reference::run, {2}}};
  for (const VectorIsa most :
       {VectorIsa::baseline, VectorIsa::avx2, VectorIsa::avx512}) {
    for (const bool along_kept : {true, false}) {
      for (const int64_t splits : {1, 3}) {
        for (const int copies : {1, 2}) {
          Way way{"", cpu::run, {3, {}, {most, {}}}};
          way.name = std::string(isa_name(most)) + " along " +
                     (along_kept ? "kept" : "reduced") + " splits " +
                     std::to_string(splits) + " copies " +
                     std::to_string(copies);
          way.options.forced.plan = {{}, along_kept, 2 * copies, copies,
                                     {}, 64,         splits};
          ways.push_back(way);
        }
      }
    }
  }
  for (const auto& [grid, run] : {std::pair("grid", &run_on_grid<0>),
                                  std::pair("few blocks", &run_on_grid<1>),
                                  std::pair("warps", &run_on_grid<2>)}) {
    for (const int64_t splits : {1, 3}) {
      for (const int copies : {1, 2}) {
        Way way{"", run, {1}};
        way.name = std::string(grid) + " splits " + std::to_string(splits) +
                   " copies " + std::to_string(copies);
        way.options.forced.plan = {{}, {}, 2 * copies, copies, {}, 64, splits};
        ways.push_back(way);
      }
    }
  }
  return ways;
}

std::vector<int64_t> shape_of(const ArraySpec& array, Sizes sizes) {
  if (array.pair == PairIndex::none) return {array.width()};
  return {array.pair == PairIndex::i ? sizes.M : sizes.N, array.width()};
}

int64_t size_of(const std::vector<int64_t>& shape) {
  int64_t size = 1;
  for (const int64_t extent : shape) size *= extent;
  return size;
}

/// Memory of arrays, in the format of T or in float64.
template <class T>
class Memory {
 public:
  MutableArrayView allocate(const ArraySpec& spec, Sizes sizes, bool is_wide) {
    const std::vector<int64_t> shape = shape_of(spec, sizes);
    const auto size = static_cast<std::size_t>(size_of(shape));
    return is_wide ? MutableArrayView::contiguous(
                         wide_.emplace_back(size).data(), shape)
                   : MutableArrayView::contiguous(
                         narrow_.emplace_back(size).data(), shape);
  }

  /// Returns views of the arguments of a map-reduce, which have these values.
  std::vector<ArrayView> arguments(const MapReduce& map_reduce,
                                   const Arrays& arrays, Sizes sizes) {
    std::vector<ArrayView> views;
    for (const ArraySpec& spec : map_reduce.arguments) {
      const MutableArrayView view = allocate(spec, sizes, spec.is_wide);
      int64_t place = 0;
      for (const double value : arrays.at(spec.name))
        view.store(place++, value);
      views.push_back(read_only(view));
    }
    return views;
  }

  std::vector<MutableArrayView> results(const MapReduce& map_reduce,
                                        Sizes sizes, bool is_wide) {
    std::vector<MutableArrayView> views;
    for (const ArraySpec& spec : results_of(map_reduce)) {
      views.push_back(allocate(spec, sizes, is_wide || spec.is_wide));
    }
    return views;
  }

 private:
  std::vector<std::vector<T>> narrow_;
  std::vector<std::vector<double>> wide_;
};

/// Runs a map-reduce on arrays in the format of T. Results are in float64 on
/// the reference backend.
template <class T>
Results run(const MapReduce& map_reduce, const Arrays& arrays, Sizes sizes,
            const Way& way) {
  const bool is_reference = way.run == reference::run;
  Memory<T> memory;
  const std::vector<ArrayView> arguments =
      memory.arguments(map_reduce, arrays, sizes);
  const std::vector<MutableArrayView> results =
      memory.results(map_reduce, sizes, is_reference);
  for (const Program& program :
       lower(is_reference ? map_reduce : expand(map_reduce))) {
    way.run(program, sizes, arguments, results, way.options);
  }
  Results values;
  for (const MutableArrayView& result : results) {
    std::vector<double>& numbers = values.emplace_back();
    for (int64_t k = 0; k < size_of(result.shape); ++k) {
      numbers.push_back(read_only(result).at(k));
    }
  }
  return values;
}

const Axis kE{"e", 0, 2};

/// Returns the reduction of x[i]*y[j,e] over j or over i.
MapReduce products(Reduction reduction, PairIndex kept) {
  MapReduce result{std::make_shared<ExprPool>(), {}, {}};
  result.arguments = {{"x", PairIndex::i, {}}, {"y", PairIndex::j, {kE}}};
  result.outputs = {{{"a", kept, {kE}},
                     load(*result.pool, result.arguments[0]) *
                         load(*result.pool, result.arguments[1]),
                     reduction}};
  verify(result);
  return result;
}

/// The extreme of values, and where it is first.
std::pair<double, double> extreme_of(const std::vector<double>& values,
                                     int sign) {
  double best = -sign * kInfinity;
  double place = -1;
  for (std::size_t k = 0; k < values.size(); ++k) {
    const bool is_better =
        place < 0 || (!std::isnan(best) && (std::isnan(values[k]) ||
                                            sign * values[k] > sign * best));
    if (!is_better) continue;
    best = values[k];
    place = static_cast<double>(k);
  }
  return {best, place};
}

/// Small integers, so that there are ties, and some special values.
std::vector<double> draw(int64_t count, unsigned seed, bool is_special) {
  std::mt19937 random(seed);
  std::vector<double> values;
  for (int64_t k = 0; k < count; ++k) {
    const auto number = static_cast<double>(random() % 7) - 3;
    const auto kind = is_special ? random() % 40 : 9;
    values.push_back(kind == 0 ? kNaN : kind == 1 ? kInfinity : number);
  }
  return values;
}

bool is_same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

template <class T>
void expect_extremes(Reduction reduction, PairIndex kept, Sizes sizes,
                     bool is_special, const Way& way) {
  const MapReduce product = products(reduction, kept);
  const Arrays arrays = {{"x", draw(sizes.M, 1, false)},
                         {"y", draw(2 * sizes.N, 2, is_special)}};
  const Results is = run<T>(product, arrays, sizes, way);
  const bool is_over_j = kept == PairIndex::i;
  const int64_t rows = is_over_j ? sizes.M : sizes.N;
  const int64_t reduced = is_over_j ? sizes.N : sizes.M;
  for (int64_t element = 0; element < 2 * rows; ++element) {
    std::vector<double> terms;
    for (int64_t k = 0; k < reduced; ++k) {
      const int64_t i = is_over_j ? element / 2 : k;
      const int64_t j = is_over_j ? k : element / 2;
      terms.push_back(
          arrays.at("x")[static_cast<std::size_t>(i)] *
          arrays.at("y")[static_cast<std::size_t>(2 * j + element % 2)]);
    }
    const auto [value, place] =
        extreme_of(terms, reduction == Reduction::max ? 1 : -1);
    const auto at = static_cast<std::size_t>(element);
    ASSERT_TRUE(is_same(is[0][at], value) && is[1][at] == place)
        << way.name << ", " << sizes.M << " by " << sizes.N << ", element "
        << element << ": " << is[0][at] << " at " << is[1][at] << ", not "
        << value << " at " << place;
  }
}

TEST(Reductions, ExtremesKeepTheFirstIndexAndNaN) {
  for (const Way& way : all_ways()) {
    for (const Reduction reduction : {Reduction::max, Reduction::min}) {
      for (const PairIndex kept : {PairIndex::i, PairIndex::j}) {
        for (const int64_t N : {0, 1, 17, 300}) {
          expect_extremes<float>(reduction, kept, {21, N}, false, way);
          expect_extremes<double>(reduction, kept, {N, 9}, true, way);
        }
      }
    }
  }
}

TEST(Reductions, ExtremesOfInfinitiesHaveAnIndex) {
  for (const Way& way : all_ways()) {
    const std::vector<double> lowest(600, -kInfinity);
    const Results is = run<float>(products(Reduction::max, PairIndex::i),
                                  {{"x", {1}}, {"y", lowest}}, {1, 300}, way);
    EXPECT_EQ(is[0][0], -kInfinity) << way.name;
    EXPECT_EQ(is[1][0], 0) << way.name;
  }
}

/// The derivative of the largest product by x is y at the winner alone.
TEST(Reductions, DerivativesOfExtremesGoToTheWinner) {
  for (const Reduction reduction : {Reduction::max, Reduction::min}) {
    const MapReduce product = products(reduction, PairIndex::i);
    const MapReduce gradient = simplify(vjp(product, {0, 1}, {0}));
    const Sizes sizes{21, 130};
    for (const Way& way : all_ways()) {
      Arrays arrays = {{"x", draw(sizes.M, 3, false)},
                       {"y", draw(2 * sizes.N, 4, false)}};
      arrays["y"][11] = kNaN;  // Not the winner's: it is of the other column.
      for (std::size_t k = 1; k < arrays["y"].size(); k += 2) {
        if (k != 11) arrays["y"][k] = 0;
      }
      const Results state = run<double>(product, arrays, sizes, way);
      arrays["index"] = state[1];
      for (int64_t k = 0; k < sizes.N; ++k) {
        arrays["position"].push_back(static_cast<double>(k));
      }
      for (int64_t k = 0; k < 2 * sizes.M; ++k) {
        arrays["cot_a"].push_back(k % 2 == 0 ? static_cast<double>(k) : 0);
      }
      const Results is = run<double>(gradient, arrays, sizes, way);
      std::vector<double> by_y(2 * static_cast<std::size_t>(sizes.N));
      for (std::size_t i = 0; i < 21; ++i) {
        const auto winner = static_cast<std::size_t>(state[1][2 * i]);
        const double cotangent = arrays["cot_a"][2 * i];
        by_y[2 * winner] += cotangent * arrays["x"][i];
      }
      for (std::size_t k = 0; k < by_y.size(); k += 2) {
        EXPECT_EQ(is[1][k], by_y[k]) << way.name << ", element " << k;
      }
    }
  }
}

// Log-sum-exp.

/// Returns log Σ_j m[j] exp(x[i] y[j,e]).
MapReduce log_sum_exp() {
  MapReduce result = products(Reduction::log_sum_exp, PairIndex::i);
  ExprPool& pool = *result.pool;
  result.arguments.push_back({"m", PairIndex::j, {}});
  Expr& value = result.outputs[0].value;
  value = load(pool, result.arguments[2]) * pool.apply(Function::exp, value);
  return simplify(apply_log_domain(result, {true}));
}

/// Returns the state of Σ_j 4**(x[i] y[j,e]), of which no exponent is rounded.
MapReduce sum_of_powers() {
  MapReduce result = products(Reduction::log_sum_exp, PairIndex::i);
  ExprPool& pool = *result.pool;
  Output& output = result.outputs[0];
  output.bound = pool.apply(Function::rounded, output.value);
  output.value = pool.apply(
      Function::exp2,
      pool.constant(2) * (output.bound - load_scale(pool, output.array)));
  verify(result);
  return result;
}

/// Exponents of 3,000 blocks that rise or fall slowly, so that all blocks count
/// and the scale changes often. A scale that is no integer drifts.
Arrays slow_exponents(int64_t N) {
  Arrays arrays = {{"x", {1, -1, 0.5}}};
  for (int64_t j = 0; j < N; ++j) {
    arrays["y"].push_back(std::ldexp(static_cast<double>(j), -14));
    arrays["y"].push_back(std::ldexp(static_cast<double>(N - j), -14));
  }
  return arrays;
}

/// Returns the sums of powers, row-major.
std::vector<long double> sums_of_powers(const Arrays& arrays) {
  std::vector<long double> sums(2 * arrays.at("x").size());
  for (std::size_t k = 0; k < sums.size(); ++k) {
    for (std::size_t j = k % 2; j < arrays.at("y").size(); j += 2) {
      const long double x = arrays.at("x")[k / 2];
      sums[k] += std::exp2(2 * x * arrays.at("y")[j]);
    }
  }
  return sums;
}

template <class T>
void expect_sums(const std::vector<long double>& sums, const Arrays& arrays,
                 Sizes sizes, const Way& way) {
  const Results is = run<T>(sum_of_powers(), arrays, sizes, way);
  const double delta = std::numeric_limits<T>::epsilon() / 2;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const long double scale = std::exp2(2 * is[2][k]);
    EXPECT_NEAR(static_cast<double>(is[1][k] * scale / sums[k]), 1, 4 * delta)
        << way.name << ", element " << k;
  }
}

TEST(Reductions, ScalesDoNotDrift) {
  const Sizes sizes{3, 3000 * 64};
  const Arrays arrays = slow_exponents(sizes.N);
  const std::vector<long double> sums = sums_of_powers(arrays);
  for (const Way& way : all_ways()) {
    expect_sums<float>(sums, arrays, sizes, way);
    expect_sums<double>(sums, arrays, sizes, way);
  }
}

/// Returns logarithm, sum and shift of one row in each column.
Results of_row(const std::vector<double>& first,
               const std::vector<double>& second, const std::vector<double>& m,
               const Way& way) {
  Arrays arrays = {{"x", {1}}, {"y", {}}, {"m", m}};
  for (std::size_t j = 0; j < first.size(); ++j) {
    arrays["y"].push_back(first[j]);
    arrays["y"].push_back(second[j]);
  }
  return run<float>(log_sum_exp(), arrays,
                    {1, static_cast<int64_t>(first.size())}, way);
}

TEST(Reductions, RowsWithoutANumberHaveTheScale0) {
  for (const Way& way : all_ways()) {
    std::vector<double> numbers(200, -3);
    std::vector<double> infinite = numbers;
    infinite[70] = kInfinity;
    std::vector<double> unknown = numbers;
    unknown[3] = kNaN;
    const std::vector<double> ones(200, 1);
    const std::vector<double> nothing(200, -kInfinity);
    const Results none = of_row({}, {}, {}, way);
    const Results some = of_row(infinite, unknown, ones, way);
    const Results lowest = of_row(nothing, numbers, ones, way);
    const Results zero =
        of_row(numbers, numbers, std::vector<double>(200), way);
    for (std::size_t e = 0; e < 2; ++e) {
      for (const Results& empty : {none, zero}) {
        EXPECT_EQ(empty[0][e], -kInfinity) << way.name;
        EXPECT_EQ(empty[1][e], 0) << way.name;
        EXPECT_EQ(empty[2][e], 0) << way.name;
      }
      EXPECT_EQ(some[2][e], 0) << way.name;
    }
    EXPECT_EQ(lowest[0][0], -kInfinity) << way.name;
    EXPECT_EQ(lowest[2][0], 0) << way.name;
    EXPECT_NEAR(lowest[0][1], std::log(200.0) - 3, 1e-6) << way.name;
    EXPECT_EQ(some[0][0], kInfinity) << way.name;
    EXPECT_EQ(some[1][0], kInfinity) << way.name;
    EXPECT_TRUE(std::isnan(some[0][1])) << way.name;
    EXPECT_TRUE(std::isnan(some[1][1])) << way.name;
  }
}

TEST(Reductions, ZerosSetNoScaleAndMasksAreNumbers) {
  std::vector<double> m(300);
  std::vector<double> far(300);
  for (std::size_t j = 0; j < far.size(); ++j) {
    m[j] = j % 3 == 0 ? 0.25 : 0;
    far[j] = j % 3 == 0 ? -1e4 : 1e4;
  }
  const std::vector<double> masked(300, -1e30);
  for (const Way& way : all_ways()) {
    const Results is = of_row(far, masked, m, way);
    EXPECT_NEAR(is[0][0], -1e4 + std::log(25.0), 4e-3) << way.name;
    EXPECT_FLOAT_EQ(static_cast<float>(is[0][1]), -1e30F) << way.name;
    EXPECT_EQ(is[1][1], 25) << way.name;
    const Results negative =
        of_row(far, masked, std::vector<double>(300, -1), way);
    EXPECT_TRUE(std::isnan(negative[0][0])) << way.name;
  }
}

TEST(Reductions, BitsDependOnNeitherThreadsNorPlace) {
  const MapReduce function = log_sum_exp();
  std::mt19937 random(5);
  std::normal_distribution<double> numbers;
  Arrays arrays;
  for (int k = 0; k < 700; ++k) arrays["x"].push_back(numbers(random));
  for (int k = 0; k < 1800; ++k) arrays["y"].push_back(9 * numbers(random));
  for (int k = 0; k < 900; ++k) arrays["m"].push_back(numbers(random) + 1);
  for (const bool along_kept : {true, false}) {
    Way way{"", cpu::run, {1}};
    way.options.forced.plan.lanes_along_kept = along_kept;
    way.options.forced.plan.kept_unroll = 4;
    way.options.forced.plan.splits = 3;
    way.options.forced.plan.chunk = 64;
    const Results one = run<float>(function, arrays, {700, 900}, way);
    for (const int threads : {2, 3, 4}) {
      way.options.threads = threads;
      EXPECT_EQ(run<float>(function, arrays, {700, 900}, way), one);
    }
    for (const std::size_t row : {std::size_t{0}, std::size_t{699}}) {
      Arrays alone = arrays;
      alone["x"] = {arrays["x"][row]};
      const Results is = run<float>(function, alone, {1, 900}, way);
      for (std::size_t k = 0; k < 3; ++k) {
        EXPECT_EQ(is[k][0], one[k][2 * row]);
        EXPECT_EQ(is[k][1], one[k][2 * row + 1]);
      }
    }
  }
}

/// Of one term, the sum is its exponential, and so is the sum's derivative by
/// the term's factor: they have the same bits only if the exponents have.
TEST(Reductions, ExponentsAreThoseOfDerivatives) {
  MapReduce function{std::make_shared<ExprPool>(), {}, {}};
  function.arguments = {{"u", PairIndex::i, {}},
                        {"v", PairIndex::j, {}},
                        {"x", PairIndex::i, {}},
                        {"z", PairIndex::j, {}},
                        {"b", PairIndex::j, {kE}}};
  std::vector<Expr> a;
  for (const ArraySpec& array : function.arguments) {
    a.push_back(load(*function.pool, array));
  }
  function.outputs = {
      {{"a", PairIndex::i, {kE}},
       a[0] * a[1] * function.pool->apply(Function::exp, a[2] * a[3] + a[4]),
       Reduction::log_sum_exp}};
  const MapReduce forward = simplify(apply_log_domain(function, {true}));
  const MapReduce derivative =
      simplify(apply_log_domain(vjp(function, {0, 1}, {1}), {true}));
  std::mt19937 random(7);
  std::normal_distribution<double> numbers;
  for (const Way& way : all_ways()) {
    for (int k = 0; k < 40; ++k) {
      Arrays arrays = {{"u", {1}}, {"v", {1}}, {"cot_sum", {1, 0}}};
      arrays["x"] = {1e2 * numbers(random)};
      arrays["z"] = {numbers(random)};
      arrays["b"] = {1e2 * numbers(random), 0};
      const Results state = run<float>(forward, arrays, {1, 1}, way);
      arrays["sum"] = state[1];
      arrays["shift"] = state[2];
      // The reference computes in float64 with arguments of float32.
      const Results is = run<float>(derivative, arrays, {1, 1}, way);
      EXPECT_EQ(is[0][0], state[1][0]) << way.name << ", over j";
      EXPECT_EQ(is[1][0], state[1][0]) << way.name << ", over i";
    }
  }
}

/// Runs a map-reduce by generated code between guard pages, and compares it
/// with the reference.
void expect_nothing_found(const MapReduce& map_reduce, const Way& way) {
  MapReduce magnitudes = copy_of(map_reduce);
  for (Output& output : magnitudes.outputs) {
    output.value = magnitudes.pool->apply(Function::abs, output.value);
  }
  const std::vector<Program> reference = lower(map_reduce);
  const std::vector<Program> absolute = lower(magnitudes);
  const Program program = lower(expand(map_reduce))[0];
  Arrays arrays = {{"x", {}}, {"y", {}}, {"m", {}}};
  std::mt19937 random(6);
  std::normal_distribution<double> numbers;
  for (int k = 0; k < 37; ++k) arrays["x"].push_back(numbers(random));
  for (int k = 0; k < 400; ++k) arrays["y"].push_back(numbers(random));
  for (int k = 0; k < 200; ++k) arrays["m"].push_back(1 - numbers(random) / 8);
  const Sizes sizes{37, 200};
  Memory<float> memory;
  const std::vector<ArrayView> arguments =
      memory.arguments(map_reduce, arrays, sizes);
  const std::vector<MutableArrayView> views =
      memory.results(map_reduce, sizes, false);
  EXPECT_NO_THROW(checked::run(way.run, {program, reference, absolute}, sizes,
                               arguments, views, way.options))
      << way.name;
}

TEST(Reductions, PassAllChecks) {
  for (const Way& way : all_ways()) {
    for (const PairIndex kept : {PairIndex::i, PairIndex::j}) {
      expect_nothing_found(products(Reduction::max, kept), way);
      expect_nothing_found(products(Reduction::min, kept), way);
    }
    if (way.run == cpu::run) expect_nothing_found(log_sum_exp(), way);
  }
}

TEST(Reductions, ArePrintedAndReadBack) {
  for (const Reduction reduction : {Reduction::sum, Reduction::max,
                                    Reduction::min, Reduction::log_sum_exp}) {
    const std::string text = to_text(products(reduction, PairIndex::j));
    EXPECT_EQ(to_text(read_map_reduce(text)), text);
  }
  const std::string text = to_text(log_sum_exp());
  EXPECT_EQ(to_text(read_map_reduce(text)), text);
}

}  // namespace
}  // namespace gramless
