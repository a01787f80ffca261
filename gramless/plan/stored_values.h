// SPDX-License-Identifier: MIT
// What a block keeps of its pairs, for those who go over it again.
#pragma once

#include <vector>

#include "gramless/plan/plan.h"

namespace gramless {

/// Returns whether the accumulators of an output with a scale serve one element
/// alone, so that the values of its pairs are computed once. Otherwise they
/// serve one element after another.
bool has_one_element(const Program& program, const ProgramOutput& output,
                     const TileShape& shape);

/// Returns whether an output is a sum of so many elements that their
/// accumulators do not fit the registers. A block then goes over its pairs
/// again for each few elements, with what all of them share at hand.
bool has_many_elements(const Program& program, const ProgramOutput& output,
                       const TileShape& shape);

/// Returns whether an output has an accumulator for each element in a block,
/// and not one after another.
bool has_accumulators(const Program& program, const ProgramOutput& output,
                      const TileShape& shape);

/// Returns the elements of such an output that accumulators serve at once.
int elements_at_once(const TileShape& shape);

/// Returns the values of a pair that are kept for a block. For an output with a
/// scale: those without scale that its terms are computed of, once the scale is
/// known. For a sum of many elements: those that all of them share.
std::vector<int> stored_values(const Program& program,
                               const ProgramOutput& output,
                               const TileShape& shape);

/// Returns the registers that a tile stores for one position.
int64_t stored_registers(const Program& program, const TileShape& shape);

}  // namespace gramless
