// SPDX-License-Identifier: MIT
// Implements the checks of a function's arrays.
#include "gramless/call/arrays.h"

#include "gramless/base/check_array.h"
#include "gramless/base/text.h"
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

/// Sets M and N to the rows of arrays that have any.
template <class View>
void set_sizes(std::span<const ArraySpec> specs, std::span<const View> views,
               Sizes& sizes) {
  for (std::size_t k = 0; k < views.size(); ++k) {
    if (specs[k].pair == PairIndex::none || views[k].shape.empty()) continue;
    (specs[k].pair == PairIndex::i ? sizes.M : sizes.N) = views[k].shape[0];
  }
}

template <class View>
void check_views(std::span<const ArraySpec> specs, std::span<const View> views,
                 Sizes sizes, const Device& device) {
  for (std::size_t k = 0; k < specs.size(); ++k) {
    const std::string& name = specs[k].name;
    check_array(kFunction, name, views[k]);
    const std::vector<int64_t> expected = shape_of(specs[k], sizes);
    const bool is_number = views[k].shape.empty() &&
                           specs[k].pair == PairIndex::none && expected[0] == 1;
    if (views[k].shape != expected && !is_number) {
      fail<ArgumentError>(name, " of the shape ", shape_text(expected),
                          ", got ", shape_text(views[k].shape), ".");
    }
    if (views[k].device != device) {
      fail<DeviceError>(name, " on ", device.name,
                        ", where the first argument is, got ",
                        views[k].device.name, ".");
    }
  }
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
void check_overlaps(std::span<const ArraySpec> argument_specs,
                    std::span<const ArrayView> arguments,
                    std::span<const ArraySpec> result_specs,
                    std::span<const MutableArrayView> results) {
  const auto check = [&](std::size_t k, const std::string& name,
                         const ArrayView& other) {
    if (!may_overlap(read_only(results[k]), other)) return;
    fail<ArgumentError>(result_specs[k].name,
                        " to have memory of its own, got some ", "of that of ",
                        name, ".");
  };
  for (std::size_t k = 0; k < result_specs.size(); ++k) {
    for (std::size_t other = 0; other < argument_specs.size(); ++other) {
      check(k, argument_specs[other].name, arguments[other]);
    }
    for (std::size_t other = 0; other < k; ++other) {
      check(k, result_specs[other].name, read_only(results[other]));
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

Sizes check_arrays(std::span<const ArraySpec> argument_specs,
                   std::span<const ArrayView> arguments,
                   std::span<const ArraySpec> result_specs,
                   std::span<const MutableArrayView> results) {
  check_count("argument", argument_specs, arguments.size());
  check_count("result", result_specs, results.size());
  Sizes sizes;
  set_sizes(result_specs, results, sizes);
  set_sizes(argument_specs, arguments, sizes);
  const Device device = arguments.empty() ? Device{} : arguments[0].device;
  check_views(argument_specs, arguments, sizes, device);
  check_views(result_specs, results, sizes, device);
  check_overlaps(argument_specs, arguments, result_specs, results);
  return sizes;
}

void check_dtypes(std::span<const ArraySpec> argument_specs,
                  std::span<const ArrayView> arguments,
                  std::span<const ArraySpec> result_specs,
                  std::span<const MutableArrayView> results) {
  const DType dtype = find_dtype(argument_specs, arguments);
  check_views(argument_specs, arguments, dtype);
  check_views(result_specs, results, dtype);
}

Sizes find_sizes(std::string_view function,
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
  Sizes sizes;
  set_sizes(argument_specs, arguments, sizes);
  return sizes;
}

}  // namespace gramless
