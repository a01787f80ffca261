// SPDX-License-Identifier: MIT
// Chooses the sweeps that compute a map-reduce.
#pragma once

#include <cstdint>
#include <vector>

#include "gramless/lower/program.h"

namespace gramless {

/// Programs that do the same and keep different axes.
using SweepWays = std::vector<Program>;

/// Returns the sweeps of a map-reduce: one for both axes that outputs keep, or
/// one for each. Factors that all terms of a gradient share multiply its sum.
std::vector<SweepWays> plan_sweeps(const MapReduce& map_reduce);

/// Returns the program to run for M rows and N columns.
const Program& choose_way(const SweepWays& ways, int64_t M, int64_t N);

}  // namespace gramless
