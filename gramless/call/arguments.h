// SPDX-License-Identifier: MIT
// The arguments of a kernel product, and their checks: all that can be wrong
// is found here, before anything runs.
#pragma once

#include <string_view>

#include "gramless/call.h"
#include "gramless/call/build.h"

namespace gramless {

/// Checks counts, and each array: memory, dtype, device, shape and strides.
/// Throws ArgumentError, DTypeError or DeviceError with the name of the public
/// function, what was expected and what came.
Signature check_arguments(const ParsedKernel& kernel,
                          const Arguments& arguments,
                          std::string_view function = "kernel_product");

/// Checks the array that a kernel product of checked arguments is written to:
/// (M, E), or (M, 1) where the mode has no E, on the arguments' device and of
/// their dtype. Throws likewise.
void check_result(const Arguments& arguments, const MutableArrayView& result);

}  // namespace gramless
