// SPDX-License-Identifier: MIT
// A model of what programs cost: vector instructions, found without compiling.
#pragma once

#include "gramless/codegen/target.h"
#include "gramless/plan/plan.h"

namespace gramless {

/// Returns the instructions that arithmetic takes for a vector of pairs: as
/// operations() counts them, each function and power with those of its routine.
/// Loads, stores and loops are not counted: they run beside arithmetic.
int64_t pair_instructions(const Program& program, const TileShape& shape,
                          const Target& target);

/// Returns how many of them the unit for special functions has, on a GPU.
int64_t pair_special_functions(const Program& program, const TileShape& shape,
                               const Target& target);

}  // namespace gramless
