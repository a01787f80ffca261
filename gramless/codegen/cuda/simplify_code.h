// SPDX-License-Identifier: MIT
// Makes registers of what kernels hand to the functions that they call.
#pragma once

#include "gramless/codegen/module.h"

namespace gramless {

/// Puts the functions of a sweep into the kernels that call them, unrolls loops
/// of few iterations, and makes registers of memory that is addressed by
/// constants.
void simplify_kernels(GeneratedModule& generated);

}  // namespace gramless
