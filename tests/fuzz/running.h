// SPDX-License-Identifier: MIT
// Runs generated code on drawn arrays, between guard pages, and compares it
// with what the formula means.
#pragma once

#include "fuzz/stages.h"
#include "gramless/kernel.h"

namespace gramless::testing {

/// Returns widths to draw from: small ones, and those around vectors.
int64_t draw_width(Draw& draw);

/// Compiles and runs the function of a kernel and one of its derivatives, or
/// second derivatives. Throws what it finds.
void check_running(Draw& draw, const Kernel& kernel,
                   const Signature& signature);

}  // namespace gramless::testing
