// SPDX-License-Identifier: MIT
// Draws sizes and values, runs, and compares element by element.
#include "fuzz/running.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "fuzz/bounded_evaluator.h"
#include "fuzz/guarded_run.h"
#include "gramless/base/text.h"
#include "gramless/transform/derivative.h"

namespace gramless::testing {
namespace {

/// Functions whose explanation is longer take too long to compile.
constexpr std::size_t kLongestText = 4000;
/// Numbers that all arrays of a call hold, that all of its pairs read, and
/// pairs that the reference backend takes, at most.
constexpr int64_t kMostNumbers = 200'000;
constexpr int64_t kMostReads = 2'000'000;
constexpr int64_t kMostReferencePairs = 2000;
/// Elements of a result that are compared.
constexpr int kElements = 24;

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
  for (const ArrayForm& array : call.function.arguments()) {
    if (call.arrays.contains(array.name)) continue;
    std::vector<double>& values = call.arrays[array.name];
    const int64_t count = rows_of(array, call.sizes) * array.columns;
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

// Comparisons.

/// Returns the logarithm of a bounded sum of exponentials.
Bounded logarithm_of(const Format& format, const Bounded& sum) {
  const double low = sum.value - sum.error;
  const bool is_positive = low > 0 || sum.error == 0;
  if (!sum.is_known() || !is_positive) return kUnknown;
  const double value = std::log(sum.value);
  const double error =
      std::max(value - std::log(low), std::log(sum.value + sum.error) - value);
  return {value, std::isinf(value)
                     ? 0
                     : error + format.unit * (16 + 8 * std::abs(value))};
}

bool is_near(const Format& format, double actual, const Bounded& expected) {
  if (!expected.is_known() || actual == expected.value) return true;
  if (std::isinf(expected.value)) return false;
  const double tolerance = 4 * expected.error;
  const bool may_overflow =
      std::abs(expected.value) + tolerance > format.largest / kMargin;
  return may_overflow || std::abs(actual - expected.value) <= tolerance;
}

void check_elements(Draw& draw, const Call& call, const std::string& engine,
                    const Arrays& results) {
  const Format format = format_of(call.dtype);
  const bool is_logarithm = call.function.is_logarithm();
  BoundedEvaluator evaluator(call.meaning, call.arrays, call.sizes, call.dtype);
  for (const Output& output : call.meaning.outputs) {
    const std::vector<double>& actual = results.at(output.array.name);
    const auto columns = static_cast<std::size_t>(output.array.width());
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
  const int64_t pairs = call.sizes.M * call.sizes.N;
  int64_t numbers = 0;
  int64_t reads = 0;
  for (const auto& forms :
       {call.function.arguments(), call.function.results()}) {
    for (const ArrayForm& array : forms) {
      numbers += rows_of(array, call.sizes) * array.columns;
      reads += pairs * array.columns;
    }
  }
  if (numbers > kMostNumbers || reads > kMostReads) return {};
  const std::string text =
      explain_function(call.function, call.sizes, call.dtype);
  if (text.size() > kLongestText) return {};
  draw_arrays(draw, kind, call);
  try {
    Arrays results = run_between_guards(draw, call);
    check_elements(draw, call, "generated code", results);
    if (call.dtype == DType::float64 && pairs <= kMostReferencePairs) {
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
                  vjp(call.meaning, wrt, cotangents),
                  call.arrays,
                  call.sizes,
                  call.dtype,
                  call.engine};
  for (const ArrayForm& array : derivative.function.arguments()) {
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
  constexpr std::size_t kRunOneOf = 12;
  return text.size() <= kLongestRun && draw.below(kRunOneOf) == 0;
}

void check_running(Draw& draw, const Kernel& kernel, const Signature& signature,
                   const RunChoices& choices) {
  const auto draw_size = [&] {
    return draw.one_of<int64_t>({1, 2, 15, 17, 0, 33});
  };
  Sizes sizes{draw_size(), draw_size()};
  if (draw.below(16) == 0) sizes = {601, 443};  // Threads share these.
  const DType dtype = draw.one_of({DType::float32, DType::float64});
  const Kind kind =
      draw.one_of({Kind::any, Kind::few, Kind::special, Kind::any});
  Call call{function_of(kernel, signature),
            build_kernel_product(kernel.parsed(), signature),
            {},
            choices.sizes.value_or(sizes),
            choices.dtype.value_or(dtype),
            choices.engine};
  const Arrays results = check_call(draw, kind, call);
  if (results.empty() || call.function.arguments().empty()) return;
  call = derivative_of(draw, call, results);
  const Arrays gradients = check_call(draw, kind, call);
  if (gradients.empty() || draw.below(2) == 0) return;
  call = derivative_of(draw, call, gradients);
  check_call(draw, kind, call);
}

}  // namespace gramless::testing
