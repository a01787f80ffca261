// SPDX-License-Identifier: MIT
// Emits the function that runs a tile: the fast loop.
#pragma once

#include "gramless/codegen/module.h"
#include "gramless/plan/plan.h"

namespace gramless {

void emit_tile(GeneratedModule& generated, const Program& program,
               const TileShape& shape);

}  // namespace gramless
