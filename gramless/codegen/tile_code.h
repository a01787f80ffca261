// SPDX-License-Identifier: MIT
// Emits the functions that run tiles: the fast loop.
#pragma once

#include "gramless/codegen/module.h"
#include "gramless/plan/plan.h"

namespace gramless {

void emit_tile(GeneratedModule& generated, const Program& program,
               const TileShape& shape);

/// Emits the same for the rest of the rows, in tiles of the shape rest_of().
void emit_rest_tile(GeneratedModule& generated, const Program& program,
                    const TileShape& shape);

}  // namespace gramless
