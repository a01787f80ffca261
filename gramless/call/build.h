// SPDX-License-Identifier: MIT
// From a kernel name and the shapes of its arguments to a map-reduce.
#pragma once

#include <string>
#include <vector>

#include "gramless/call/mode.h"
#include "gramless/formula/kernel_form.h"
#include "gramless/formula/parsed_kernel.h"
#include "gramless/ir/map_reduce.h"

namespace gramless {

/// All that a map-reduce depends on, beside the kernel: no sizes M and N, no
/// dtype, no device.
struct Signature {
  Mode mode = Mode::sum;
  KernelForm kernel;
  /// The number of columns of b.
  int64_t signal = 0;
  bool operator==(const Signature&) const = default;
};

/// Returns a short text that two signatures share only if they are equal.
std::string to_text(const Signature& signature);

/// Builds the map-reduce of a kernel product. Its arguments are x0, x1, …,
/// y0, …, the gammas that are not None (g0, …), and those of the mode; its
/// output is `a`.
///
/// All is written in the ordinary domain, as it is differentiated; see
/// transform/log_domain.
MapReduce build_kernel_product(const ParsedKernel& kernel,
                               const Signature& signature);

}  // namespace gramless
