// SPDX-License-Identifier: MIT
// Kernel products in all modes: the public functions.
#pragma once

#include <string>

#include "gramless/array_function.h"
#include "gramless/check_arguments.h"

namespace gramless {

/// Computes the kernel product in a mode into `result`, of the shape (M, E),
/// or (M, 1) in a mode without a signal.
///
/// Throws ArgumentError for wrong counts, shapes, strides or a null pointer,
/// DTypeError for mixed dtypes, DeviceError for mixed devices, before anything
/// runs. `result` is checked likewise: its elements may not overlap.
void kernel_product(const Kernel& kernel, const Arguments& arguments,
                    const MutableArrayView& result,
                    const Options& options = {});

/// Returns what kernel_product() runs for these arguments, as text.
std::string explain(const Kernel& kernel, const Arguments& arguments,
                    CodeText code = CodeText::none);

}  // namespace gramless
