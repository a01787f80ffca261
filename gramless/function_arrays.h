// SPDX-License-Identifier: MIT
// The arrays of a function, and their checks: all that can be wrong is found
// here, before anything runs.
#pragma once

#include <span>

#include "gramless/backend/backend.h"
#include "gramless/base/array_view.h"
#include "gramless/ir/map_reduce.h"

namespace gramless {

/// Checks counts, and each array: memory, shape, strides, that all are on one
/// device, and that results overlap no other array. Returns M and N. Throws
/// ArgumentError, DTypeError or DeviceError with what was expected and what
/// came.
Sizes check_arrays(std::span<const ArraySpec> taken,
                   std::span<const ArrayView> arguments,
                   std::span<const ArraySpec> given,
                   std::span<const MutableArrayView> results);

/// Throws DTypeError unless checked arrays have one dtype.
void check_dtypes(std::span<const ArraySpec> taken,
                  std::span<const ArrayView> arguments,
                  std::span<const ArraySpec> given,
                  std::span<const MutableArrayView> results);

/// Returns M and N as the first arguments tell them. Throws like the above.
Sizes find_sizes(std::span<const ArraySpec> taken,
                 std::span<const ArrayView> arguments);

}  // namespace gramless
