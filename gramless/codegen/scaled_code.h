// SPDX-License-Identifier: MIT
// Emits reductions with a scale, which is found for each block of terms.
#pragma once

#include "gramless/codegen/tile_steps.h"

namespace gramless {

/// Emits the reduction of an output over a block:
///
///   for positions in the block
///     what the terms are computed of is kept; the largest bound is found
///   the scale: the bound rounded up, or that of earlier blocks if it is larger
///   for positions in the block
///     the terms on this scale, added up
///   the sum of earlier blocks, brought to the scale, plus this one
///
/// With several elements, which have scales of their own, all but the keeping
/// is done for one element after another. `element` is the first one of the
/// output among the elements of all outputs.
void emit_scaled(TileSteps& steps, const ProgramOutput& output,
                 llvm::Value* element, const BlockRange& range);

}  // namespace gramless
