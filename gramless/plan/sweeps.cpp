// SPDX-License-Identifier: MIT
// Implements the choice of sweeps.
#include "gramless/plan/sweeps.h"

#include "gramless/plan/plan.h"

namespace gramless {
namespace {

// Tuned on x86-64 with AVX2 and AVX-512, float32 and float64, two cores.

/// Elements of outputs that one sweep for both axes may have: of gradients of a
/// gaussian, D = 3 and 10, it is 1.4 to 1.9 times as fast as two.
constexpr int64_t kMostElements = 16;
/// Rows below which tiles stand on the columns, if there are more of them.
constexpr int64_t kFewRows = 512;
/// Pairs for each point that centring is worth.
constexpr double kCentringPairs = 1000;
/// An exponent may lose this many times 4 roundings.
constexpr double kLargestRadius = 8;

}  // namespace

std::vector<SweepWays> plan_sweeps(const MapReduce& map_reduce) {
  if (has_crossed_sums(map_reduce)) {
    SweepWays ways;
    for (const Kept kept : {Kept::rows, Kept::columns}) {
      ways.push_back(
          lower_crossed(map_reduce, kept, /*has_outer_factors=*/true));
    }
    if (crossed_width(ways[0]) <= kMostElements &&
        output_width(ways[0]) <= kMostElements) {
      return {ways};
    }
  }
  std::vector<SweepWays> sweeps;
  for (Program& program : plan_grid_sweeps(map_reduce)) {
    sweeps.push_back({std::move(program)});
  }
  return sweeps;
}

std::vector<Program> plan_grid_sweeps(const MapReduce& map_reduce) {
  return lower(map_reduce, /*has_outer_factors=*/true);
}

const Program& choose_way(const SweepWays& ways, int64_t M, int64_t N) {
  const Kept kept = M < kFewRows && M < N ? Kept::columns : Kept::rows;
  for (const Program& way : ways) {
    if (way.kept == kept) return way;
  }
  return ways.front();
}

bool is_centring_worth(int64_t M, int64_t N) {
  const auto rows = static_cast<double>(M);
  const auto columns = static_cast<double>(N);
  return rows * columns >= kCentringPairs * (rows + columns);
}

bool is_near_centre(double radius) { return radius <= kLargestRadius; }

}  // namespace gramless
