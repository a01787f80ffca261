// SPDX-License-Identifier: MIT
// Emits the function that adds what tiles have summed for crossed outputs to
// their states.
#pragma once

#include "gramless/codegen/module.h"
#include "gramless/plan/plan.h"

namespace gramless {

void emit_add_crossed(GeneratedModule& generated, const Program& program,
                      const TileShape& shape);

}  // namespace gramless
