// SPDX-License-Identifier: MIT
// The arrays of a function, and their checks: all that can be wrong is found
// here, before anything runs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/backend/backend.h"
#include "gramless/ir/map_reduce.h"

namespace gramless {

/// Checks counts, and each array: memory, shape, strides, that all are on one
/// device, and that results overlap no other array. Returns M and N. Throws
/// ArgumentError, DTypeError or DeviceError with what was expected and what
/// came.
Sizes check_arrays(std::span<const ArraySpec> argument_specs,
                   std::span<const ArrayView> arguments,
                   std::span<const ArraySpec> result_specs,
                   std::span<const MutableArrayView> results);

/// Throws DTypeError unless checked arrays have the dtypes of a call.
void check_dtypes(std::span<const ArraySpec> argument_specs,
                  std::span<const ArrayView> arguments,
                  std::span<const ArraySpec> result_specs,
                  std::span<const MutableArrayView> results);

/// Returns the shape that an array of a function has in memory.
std::vector<int64_t> shape_of(const ArraySpec& array, Sizes sizes);

/// Returns M and N as the first arguments of a public function tell them.
/// Throws like the above.
Sizes find_sizes(std::string_view function,
                 std::span<const ArraySpec> argument_specs,
                 std::span<const ArrayView> arguments);

}  // namespace gramless
