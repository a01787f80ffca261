// SPDX-License-Identifier: MIT
// Emits what makes results of the states of a tile.
#pragma once

#include "gramless/codegen/module.h"
#include "gramless/plan/plan.h"

namespace gramless {

/// Emits a function of the type StoreFunction, for tiles with lanes along the
/// kept axis.
void emit_store(GeneratedModule& generated, const Program& program,
                const TileShape& shape);

}  // namespace gramless
