// SPDX-License-Identifier: MIT
// The arrays of a function, and their checks: all that can be wrong is found
// here, before anything runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/backend/backend.h"
#include "gramless/ir/map_reduce.h"

namespace gramless {

/// The sizes of a call's arrays: M and N of each problem, and the leading
/// dimensions, which count problems.
struct CallSizes {
  Sizes sizes;
  std::vector<int64_t> batch;
};

/// The arrays of a function, and of each result the argument whose leading
/// dimensions it has: all of the batch where there is none.
struct ArraySpecs {
  std::span<const ArraySpec> arguments;
  std::span<const ArraySpec> results;
  std::span<const std::optional<std::size_t>> results_like;
};

/// Checks counts, and each array: memory, shape, strides, that all are on one
/// device, and that results overlap no other array. Throws ArgumentError,
/// DTypeError or DeviceError with what was expected and what came.
CallSizes check_arrays(const ArraySpecs& specs,
                       std::span<const ArrayView> arguments,
                       std::span<const MutableArrayView> results);

/// Throws DTypeError unless checked arrays have the dtypes of a call.
void check_dtypes(const ArraySpecs& specs, std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results);

/// Returns the shape that an array of a problem has in memory.
std::vector<int64_t> shape_of(const ArraySpec& array, Sizes sizes);

/// Returns the shape of a result for arguments, of which the last ones may be
/// left out.
std::vector<int64_t> result_shape(const ArraySpecs& specs, std::size_t result,
                                  std::span<const ArrayView> arguments,
                                  const CallSizes& sizes);

/// Returns the sizes as the first arguments of a public function tell them.
/// Throws like the above.
CallSizes find_sizes(std::string_view function,
                     std::span<const ArraySpec> argument_specs,
                     std::span<const ArrayView> arguments);

}  // namespace gramless
