// SPDX-License-Identifier: MIT
// Writes functions in terms of those that code generators know.
#pragma once

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// Returns a map-reduce with the expansions of the operator table applied, in
/// a pool of its own: exp(-g*q) becomes exp2(-1.44…*g*q), with its constants
/// folded.
MapReduce expand(const MapReduce& map_reduce);

}  // namespace gramless
