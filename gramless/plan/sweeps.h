// SPDX-License-Identifier: MIT
// Chooses the sweeps that compute a map-reduce.
#pragma once

#include <cstdint>
#include <vector>

#include "gramless/lower/program.h"
#include "gramless/transform/centre.h"

namespace gramless {

/// Programs that do the same and keep different axes.
using SweepWays = std::vector<Program>;

/// Returns the sweeps of a map-reduce: one for both axes that outputs keep, or
/// one for each. Factors that all terms of a gradient share multiply its sum.
std::vector<SweepWays> plan_sweeps(const MapReduce& map_reduce);

/// Returns the sweeps of a map-reduce for a GPU: one for each axis that outputs
/// keep. The threads of one that kept both would have to wait for each other.
std::vector<Program> plan_grid_sweeps(const MapReduce& map_reduce);

/// Returns the program to run for M rows and N columns.
const Program& choose_way(const SweepWays& ways, int64_t M, int64_t N);

/// Axes of these extents are worth centred points, and sums over them exact
/// enough.
inline constexpr ExtentRange kCentredExtents{17, 128};

/// Returns whether so many pairs are worth a pass over all points that tells
/// how far they are from their mean.
bool is_centring_worth(int64_t M, int64_t N);

/// Returns whether distances between centred points may be expanded, of which
/// the products with the factors in exponents are at most this.
bool is_near_centre(double radius);

}  // namespace gramless
