// SPDX-License-Identifier: MIT
// Implements the checks of a function's arrays.
#include "gramless/call/arrays.h"

#include <algorithm>

#include "gramless/base/check_array.h"
#include "gramless/base/text.h"
#include "gramless/call/batch.h"
#include "gramless/error.h"

namespace gramless {
namespace {

constexpr std::string_view kFunction = "ArrayFunction";

template <class E, class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw E(concat(kFunction, "(): expected ", parts...));
}

void check_count(std::string_view what, std::span<const ArraySpec> specs,
                 std::size_t count) {
  if (specs.size() == count) return;
  std::vector<std::string> names;
  for (const ArraySpec& spec : specs) names.push_back(spec.name);
  fail<ArgumentError>(names.size(), " ", what, names.size() == 1 ? "" : "s",
                      " (", join(names, ", "), "), got ", count, ".");
}

/// Sets M and N to the rows of the first arrays that have any.
template <class View>
void set_sizes(std::span<const ArraySpec> specs, std::span<const View> views,
               Sizes& sizes) {
  for (std::size_t k = views.size(); k-- > 0;) {
    const std::vector<int64_t>& shape = views[k].shape;
    if (specs[k].pair == PairIndex::none || shape.empty()) continue;
    (specs[k].pair == PairIndex::i ? sizes.M : sizes.N) =
        shape[shape.size() - std::min<std::size_t>(2, shape.size())];
  }
}

/// Returns the shape of an array of a spec, behind leading dimensions.
std::vector<int64_t> shape_behind(std::span<const int64_t> leading,
                                  const ArraySpec& spec, Sizes sizes) {
  std::vector<int64_t> shape(leading.begin(), leading.end());
  if (!leading.empty() && spec.pair == PairIndex::none) shape.push_back(1);
  for (const int64_t extent : shape_of(spec, sizes)) shape.push_back(extent);
  return shape;
}

template <class View>
void check_view(const ArraySpec& spec, const View& view,
                const std::vector<int64_t>& expected, const Device& device) {
  check_array(kFunction, spec.name, view);
  const bool is_number = view.shape.empty() && spec.pair == PairIndex::none &&
                         expected.size() == 1 && expected[0] == 1;
  if (view.shape != expected && !is_number) {
    fail<ArgumentError>(spec.name, " of the shape ", shape_text(expected),
                        ", got ", shape_text(view.shape), ".");
  }
  if (view.device != device) {
    fail<DeviceError>(spec.name, " on ", device.name,
                      ", where the first argument is, got ", view.device.name,
                      ".");
  }
}

/// Checks that leading dimensions broadcast, and returns them so.
std::vector<int64_t> check_batch(std::span<const ArraySpec> specs,
                                 std::span<const ArrayView> arguments) {
  std::vector<int64_t> batch;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    const std::vector<int64_t> before = batch;
    if (broadcast(batch, leading_dimensions(arguments[k].shape))) continue;
    fail<ArgumentError>(specs[k].name, " with leading dimensions that ",
                        "broadcast with ", shape_text(before), ", got ",
                        shape_text(arguments[k].shape), ".");
  }
  return batch;
}

template <class View>
void check_views(std::span<const ArraySpec> specs, std::span<const View> views,
                 DType dtype) {
  for (std::size_t k = 0; k < specs.size(); ++k) {
    const DType expected = specs[k].dtype_in(dtype);
    if (views[k].dtype == expected) continue;
    fail<DTypeError>(specs[k].name, " of dtype ", dtype_name(expected),
                     specs[k].is_wide ? ", as in calls of any dtype"
                                      : ", as the first argument",
                     ", got ", dtype_name(views[k].dtype), ".");
  }
}

/// Results are written while arguments are still read.
void check_overlaps(const ArraySpecs& specs,
                    std::span<const ArrayView> arguments,
                    std::span<const MutableArrayView> results) {
  const auto check = [&](std::size_t k, const std::string& name,
                         const ArrayView& other) {
    if (!may_overlap(read_only(results[k]), other)) return;
    fail<ArgumentError>(specs.results[k].name,
                        " to have memory of its own, got some ", "of that of ",
                        name, ".");
  };
  for (std::size_t k = 0; k < results.size(); ++k) {
    for (std::size_t other = 0; other < arguments.size(); ++other) {
      check(k, specs.arguments[other].name, arguments[other]);
    }
    for (std::size_t other = 0; other < k; ++other) {
      check(k, specs.results[other].name, read_only(results[other]));
    }
  }
}

}  // namespace

std::vector<int64_t> shape_of(const ArraySpec& array, Sizes sizes) {
  switch (array.pair) {
    case PairIndex::none:
      return {array.width()};
    case PairIndex::i:
      return {sizes.M, array.width()};
    case PairIndex::j:
      return {sizes.N, array.width()};
  }
  throw InternalError("shape_of(): unknown index.");
}

std::vector<int64_t> result_shape(const ArraySpecs& specs, std::size_t result,
                                  std::span<const ArrayView> arguments,
                                  const CallSizes& sizes) {
  std::span<const int64_t> leading = sizes.batch;
  const std::optional<std::size_t> like = specs.results_like[result];
  if (like && *like < arguments.size()) {
    leading = leading_dimensions(arguments[*like].shape);
  }
  return shape_behind(leading, specs.results[result], sizes.sizes);
}

CallSizes check_arrays(const ArraySpecs& specs,
                       std::span<const ArrayView> arguments,
                       std::span<const MutableArrayView> results) {
  check_count("argument", specs.arguments, arguments.size());
  check_count("result", specs.results, results.size());
  CallSizes sizes;
  set_sizes(specs.results, results, sizes.sizes);
  set_sizes(specs.arguments, arguments, sizes.sizes);
  sizes.batch = check_batch(specs.arguments, arguments);
  const Device device = arguments.empty() ? Device{} : arguments[0].device;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    const ArraySpec& spec = specs.arguments[k];
    check_view(
        spec, arguments[k],
        shape_behind(leading_dimensions(arguments[k].shape), spec, sizes.sizes),
        device);
  }
  for (std::size_t k = 0; k < results.size(); ++k) {
    check_view(specs.results[k], results[k],
               result_shape(specs, k, arguments, sizes), device);
  }
  check_overlaps(specs, arguments, results);
  return sizes;
}

void check_dtypes(const ArraySpecs& specs, std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results) {
  const DType dtype = find_dtype(specs.arguments, arguments);
  check_views(specs.arguments, arguments, dtype);
  check_views(specs.results, results, dtype);
}

CallSizes find_sizes(std::string_view function,
                     std::span<const ArraySpec> argument_specs,
                     std::span<const ArrayView> arguments) {
  if (arguments.size() > argument_specs.size()) {
    throw ArgumentError(concat(function, "(): expected at most ",
                               argument_specs.size(), " arguments, got ",
                               arguments.size(), "."));
  }
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    check_array(function, argument_specs[k].name, arguments[k]);
  }
  CallSizes sizes;
  set_sizes(argument_specs, arguments, sizes.sizes);
  sizes.batch = check_batch(argument_specs, arguments);
  return sizes;
}

}  // namespace gramless
