// SPDX-License-Identifier: MIT
// Emits sums of many elements.
#pragma once

#include "gramless/codegen/stored_block.h"

namespace gramless {

/// Emits, for each few elements of an output, the sums over a block, as in a
/// product of matrices: what all elements share was stored for its pairs, and
/// the accumulators are registers. `element` is the output's first one among
/// all that keep the rows.
void emit_many_elements(TileSteps& steps, const ProgramOutput& output,
                        llvm::Value* element, const BlockRange& range,
                        const StoredBlock& stored);

}  // namespace gramless
