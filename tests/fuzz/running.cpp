// SPDX-License-Identifier: MIT
// Draws sizes and values, runs, and compares element by element.
#include "fuzz/running.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "fuzz/bounded.h"
#include "gramless/array_function.h"
#include "gramless/backend/checked/guarded_array.h"
#include "gramless/base/check_array.h"
#include "gramless/base/text.h"
#include "gramless/transform/derivative.h"

namespace gramless::testing {
namespace {

using checked::Edge;
using checked::GuardedArray;
using Arrays = BoundedEvaluator::Arrays;

/// Functions whose explanation is longer take too long to compile.
constexpr std::size_t kLongestText = 4000;
/// Numbers that all arrays of a call hold, at most.
constexpr int64_t kMostNumbers = 200'000;
/// Elements of a result that are compared.
constexpr int kElements = 24;

/// A function with what it means, and the values of its arguments.
struct Call {
  ArrayFunction function;
  MapReduce meaning;
  Arrays arrays;
  Sizes sizes;
  DType dtype = DType::float64;
};

int64_t rows_of(const ArraySpec& array, Sizes sizes) {
  if (array.pair == PairIndex::none) return 1;
  return array.pair == PairIndex::i ? sizes.M : sizes.N;
}

std::vector<int64_t> shape_of(const ArraySpec& array, Sizes sizes) {
  if (array.pair == PairIndex::none) return {array.columns()};
  return {rows_of(array, sizes), array.columns()};
}

// Values.

/// How values are drawn: any numbers; few ones, so that points meet, are
/// orthogonal or 0; or also what is not finite, or near an end of the range.
enum class Kind : uint8_t { any, few, special };

double draw_value(Draw& draw, Kind kind) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (kind == Kind::few) {
    return draw.one_of({0.0, 1.0, -1.0, 0.0, 0.5, 2.0, -0.0});
  }
  if (kind == Kind::special && draw.below(8) == 0) {
    return draw.one_of({0.0, -0.0, kInfinity, -kInfinity, std::nan(""), -1e30,
                        1e38, 1e-40, -1e-310, 1e-20, 1e5, -1e3});
  }
  const double sixteenths = static_cast<double>(draw.below(65)) / 16 - 2;
  if (draw.below(2) == 0) return sixteenths;
  return sixteenths + static_cast<double>(draw.below(1U << 20U)) * 0x1p-25;
}

double round_to(DType dtype, double value) {
  return dtype == DType::float32
             ? static_cast<double>(static_cast<float>(value))
             : value;
}

/// Draws the arguments of a call that it does not have.
void draw_arrays(Draw& draw, Kind kind, Call& call) {
  for (const ArraySpec& array : call.function.arguments()) {
    if (call.arrays.contains(array.name)) continue;
    std::vector<double>& values = call.arrays[array.name];
    const int64_t count = rows_of(array, call.sizes) * array.columns();
    values.resize(static_cast<std::size_t>(count));
    for (double& value : values) {
      value = round_to(call.dtype, draw_value(draw, kind));
    }
  }
  if (kind == Kind::any) return;
  // Some points of y are points of x.
  for (int pair = 0; pair < 4; ++pair) {
    const auto x = call.arrays.find(x_name(static_cast<std::size_t>(pair)));
    const auto y = call.arrays.find(y_name(static_cast<std::size_t>(pair)));
    if (x == call.arrays.end() || y == call.arrays.end()) continue;
    const std::size_t count = std::min(x->second.size(), y->second.size());
    std::copy_n(x->second.begin(), draw.below(count + 1), y->second.begin());
  }
}

// Runs.

struct Run {
  Run(const Call& call, Edge edge) {
    for (const ArraySpec& array : call.function.arguments()) {
      const GuardedArray& copy =
          taken.emplace_back(call.dtype, shape_of(array, call.sizes), edge);
      int64_t place = 0;
      for (const double value : call.arrays.at(array.name)) {
        copy.view().store(place++, value);
      }
      arguments.push_back(copy.const_view());
    }
    for (const ArraySpec& array : call.function.results()) {
      const GuardedArray& result =
          given.emplace_back(call.dtype, shape_of(array, call.sizes), edge);
      std::fill(result.bytes().begin(), result.bytes().end(), std::byte{0xff});
      results.push_back(result.view());
    }
  }

  std::vector<GuardedArray> taken;
  std::vector<GuardedArray> given;
  std::vector<ArrayView> arguments;
  std::vector<MutableArrayView> results;
};

bool have_same_bytes(const std::vector<GuardedArray>& a,
                     const std::vector<GuardedArray>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const GuardedArray& one, const GuardedArray& other) {
                      return std::equal(one.bytes().begin(), one.bytes().end(),
                                        other.bytes().begin(),
                                        other.bytes().end());
                    });
}

/// No arithmetic makes a NaN of set bits.
bool is_all_written(const GuardedArray& array) {
  const std::span<const std::byte> bytes = array.bytes();
  const auto size = static_cast<std::size_t>(dtype_size(array.view().dtype));
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    const auto element = bytes.subspan(at, size);
    if (std::all_of(element.begin(), element.end(),
                    [](std::byte each) { return each == std::byte{0xff}; })) {
      return false;
    }
  }
  return true;
}

Options draw_options(Draw& draw) {
  Options options;
  options.threads = draw.one_of({1, 2, 3});
  if (draw.below(4) != 0) return options;
  options.most =
      draw.one_of({VectorIsa::baseline, VectorIsa::avx2, VectorIsa::avx512});
  options.overrides = draw.one_of<PlanOverrides>({
      {.lanes = 1},
      {.lanes_along_kept = true},
      {.lanes_along_kept = false},
      {.kept_copies = 3, .reduced_copies = 3},
      {.longest_unrolled = 0},
      {.chunk = 64, .splits = 3},
  });
  return options;
}

std::vector<double> numbers_of(const MutableArrayView& view) {
  int64_t count = 1;
  for (const int64_t extent : view.shape) count *= extent;
  std::vector<double> numbers(static_cast<std::size_t>(count));
  const ArrayView array = read_only(view);
  for (int64_t k = 0; k < count; ++k) {
    numbers[static_cast<std::size_t>(k)] = array.at(k);
  }
  return numbers;
}

/// Runs generated code twice, with the arrays at either end of their pages, on
/// other numbers of threads. Returns the results by name.
Arrays run_between_guards(Draw& draw, const Call& call) {
  Run first(call, Edge::end);
  Run second(call, Edge::begin);
  Options options = draw_options(draw);
  call.function(first.arguments, first.results, options);
  require(have_same_bytes(first.taken, second.taken),
          "an argument was written to");
  options.threads = 4 - options.threads;
  call.function(second.arguments, second.results, options);
  require(have_same_bytes(first.given, second.given),
          "two runs gave different bits");
  Arrays results;
  for (std::size_t k = 0; k < first.given.size(); ++k) {
    const std::string& name = call.function.results()[k].name;
    require(is_all_written(first.given[k]),
            "an element of " + name + " was not written");
    results[name] = numbers_of(first.results[k]);
  }
  return results;
}

Arrays run_reference(const Call& call) {
  Run run(call, Edge::end);
  Options options;
  options.backend = Backend::reference;
  options.threads = 1;
  call.function(run.arguments, run.results, options);
  Arrays results;
  for (std::size_t k = 0; k < run.given.size(); ++k) {
    results[call.function.results()[k].name] = numbers_of(run.results[k]);
  }
  return results;
}

// Comparisons.

/// Returns the logarithm of a bounded sum of exponentials.
Bounded logarithm_of(const Format& format, const Bounded& sum) {
  const double low = sum.value - sum.error;
  if (!sum.is_known() || (low <= 0 && sum.error > 0)) {
    return {0, Bounded::inf()};
  }
  const double value = std::log(sum.value);
  const double error =
      std::max(value - std::log(low), std::log(sum.value + sum.error) - value);
  return {value, std::isinf(value)
                     ? 0
                     : error + format.unit * (16 + 8 * std::abs(value))};
}

bool is_near(const Format& format, double actual, const Bounded& expected) {
  if (!expected.is_known()) return true;
  if (std::abs(expected.value) + 4 * expected.error > format.largest / 1e3) {
    return true;
  }
  if (actual == expected.value) return true;
  return std::abs(actual - expected.value) <= 4 * expected.error;
}

void check_elements(Draw& draw, const Call& call, const std::string& engine,
                    const Arrays& results) {
  const Format format = format_of(call.dtype);
  const bool is_logarithm = call.function.is_logarithm();
  Arrays arrays = call.arrays;
  if (is_logarithm) {
    const std::string name(call.meaning.arguments.back().name);
    arrays[name].assign(results.at(name).size(), 0.0);
  }
  BoundedEvaluator evaluator(call.meaning, arrays, call.sizes, call.dtype);
  for (const Output& output : call.meaning.outputs) {
    const std::vector<double>& actual = results.at(output.array.name);
    const auto columns = static_cast<std::size_t>(output.array.columns());
    for (std::size_t k = 0; k < kElements && k < actual.size(); ++k) {
      std::size_t place = k;
      if (actual.size() > kElements) {
        place = k == 0 ? actual.size() - 1 : draw.below(actual.size());
      }
      const auto row = static_cast<int64_t>(place / columns);
      const auto column = static_cast<int64_t>(place % columns);
      Bounded expected = evaluator.element(output, row, column);
      if (is_logarithm) expected = logarithm_of(format, expected);
      if (is_near(format, actual[place], expected)) continue;
      throw Find(concat(
          "element (", row, ", ", column, ") of ", output.array.name, " is ",
          number_text(actual[place]), " by the ", engine, ", not ",
          number_text(expected.value), " up to ", number_text(expected.error)));
    }
  }
}

/// Returns the results, or nothing if the function is too large.
Arrays check_call(Draw& draw, Kind kind, Call& call) {
  int64_t numbers = 0;
  for (const auto& specs :
       {call.function.arguments(), call.function.results()}) {
    for (const ArraySpec& array : specs) {
      numbers += rows_of(array, call.sizes) * array.columns();
    }
  }
  if (numbers > kMostNumbers) return {};
  const std::string text = call.function.explain(call.sizes, call.dtype);
  if (text.size() > kLongestText) return {};
  draw_arrays(draw, kind, call);
  try {
    Arrays results = run_between_guards(draw, call);
    check_elements(draw, call, "generated code", results);
    if (call.dtype == DType::float64) {
      check_elements(draw, call, "reference backend", run_reference(call));
    }
    return results;
  } catch (const Find& find) {
    std::string values;
    for (const auto& [name, array] : call.arrays) {
      values += "\n" + name + ":";
      for (std::size_t k = 0; k < array.size() && k < 20; ++k) {
        values += " " + number_text(array[k]);
      }
    }
    throw Find(concat(find.what(), ", ", dtype_name(call.dtype), ", M ",
                      call.sizes.M, ", N ", call.sizes.N, values, "\n", text));
  }
}

/// Returns the derivative of a call by one or all of its arguments, with the
/// values that it shares with it.
Call derivative_of(Draw& draw, const Call& call, const Arrays& results) {
  const std::size_t count = call.function.arguments().size();
  std::vector<std::size_t> wrt = {draw.below(count)};
  if (draw.below(4) == 0) {
    wrt.clear();
    for (std::size_t k = 0; k < count; ++k) wrt.push_back(k);
  }
  const std::vector<std::size_t> cotangents = {
      call.function.is_logarithm()
          ? draw.below(2)
          : draw.below(call.function.results().size())};
  Call derivative{call.function.vjp(wrt, cotangents),
                  call.function.is_logarithm()
                      ? vjp_of_logarithm(call.meaning, wrt, cotangents)
                      : vjp(call.meaning, wrt, cotangents),
                  call.arrays, call.sizes, call.dtype};
  for (const ArraySpec& array : derivative.function.arguments()) {
    const auto found = results.find(array.name);
    if (found != results.end()) derivative.arrays.insert(*found);
  }
  return derivative;
}

}  // namespace

int64_t draw_width(Draw& draw) {
  return draw.one_of<int64_t>({3, 1, 2, 3, 1, 2, 4, 0, 16, 17, 65, 300});
}

bool is_to_run(Draw& draw, std::string_view text) {
  constexpr std::size_t kLongestRun = 100;
  constexpr std::size_t kRunOneOf = 6;
  return text.size() <= kLongestRun && draw.below(kRunOneOf) == 0;
}

void check_running(Draw& draw, const Kernel& kernel,
                   const Signature& signature) {
  const auto draw_size = [&] {
    return draw.one_of<int64_t>({1, 2, 15, 17, 0, 33});
  };
  Sizes sizes{draw_size(), draw_size()};
  if (draw.below(16) == 0) sizes = {601, 443};  // Threads share these.
  const DType dtype = draw.one_of({DType::float32, DType::float64});
  const Kind kind =
      draw.one_of({Kind::any, Kind::few, Kind::special, Kind::any});
  Call call{ArrayFunction(kernel, signature),
            build_kernel_product(kernel.parsed(), signature),
            {},
            sizes,
            dtype};
  const Arrays results = check_call(draw, kind, call);
  if (results.empty() || call.function.arguments().empty()) return;
  call = derivative_of(draw, call, results);
  const Arrays gradients = check_call(draw, kind, call);
  if (gradients.empty() || draw.below(2) == 0) return;
  call = derivative_of(draw, call, gradients);
  check_call(draw, kind, call);
}

}  // namespace gramless::testing
