// SPDX-License-Identifier: MIT
// Emits what makes results of the states of a tile.
#pragma once

#include "gramless/codegen/module.h"
#include "gramless/plan/plan.h"

namespace gramless {

/// A function of the type StoreFunction, and which outputs it stores: those
/// that keep some axis, or none.
struct StoreName {
  const char* name;
  Kept kept;
};

/// Emits it for tiles with lanes along the kept axis.
void emit_store(GeneratedModule& generated, const Program& program,
                const TileShape& shape, StoreName store);

}  // namespace gramless
