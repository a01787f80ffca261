// SPDX-License-Identifier: MIT
// Tests that plans for GPUs keep the limits of devices, for all sizes.
#include "gramless/plan/grid_plan.h"

#include <gtest/gtest.h>

#include <bit>

#include "gramless/call/function.h"
#include "gramless/transform/expand.h"

namespace gramless {
namespace {

std::vector<Program> programs_of(Mode mode, int64_t D, int64_t E, bool is_vjp) {
  const Signature signature{mode, {{D}, {D}, {{1, PairIndex::none}}}, E};
  ArrayFunction function = function_of(Kernel("gaussian(x,y)"), signature);
  if (is_vjp) function = function.vjp({0, 1, 2, 3}, {0});
  return plan_grid_sweeps(expand(function.state().runnable.map_reduce));
}

void expect_within_limits(const Program& program, SweepSizes sizes,
                          DType dtype) {
  constexpr int64_t kShared = int64_t{48} << 10;
  constexpr int64_t kWorkspace = int64_t{64} << 20;
  constexpr int64_t kBlocksY = 65535;
  const GridPlan plan = make_grid_plan(program, sizes, dtype);
  const int64_t rows = int64_t{plan.threads} * plan.tile.kept_unroll;
  EXPECT_TRUE(std::has_single_bit(static_cast<unsigned>(plan.threads)));
  EXPECT_LE(plan.tile.kept_unroll, std::max<int64_t>(1, sizes.kept));
  EXPECT_LE(plan.shared_bytes, kShared);
  EXPECT_GE(plan.tiles * rows, sizes.kept);
  EXPECT_LE(plan.blocks, plan.tiles);
  EXPECT_GE(plan.splits, 1);
  EXPECT_LE(plan.splits, kBlocksY);
  EXPECT_GE(plan.splits * plan.split_length, sizes.reduced);
  EXPECT_LE(plan.workspace.bytes, kWorkspace);
  EXPECT_LE(plan.workspace.call, plan.workspace.blocks);
  EXPECT_LE(plan.workspace.blocks, plan.workspace.states);
  EXPECT_LE(plan.workspace.states, plan.workspace.sums);
}

TEST(GridPlan, KeepsTheLimitsOfDevices) {
  for (const Mode mode : {Mode::sum, Mode::lse}) {
    for (const int64_t D : {1, 3, 100, 2000}) {
      for (const int64_t E : {1, 64}) {
        for (const bool is_vjp : {false, true}) {
          for (const Program& program : programs_of(mode, D, E, is_vjp)) {
            for (const int64_t kept :
                 {int64_t{0}, int64_t{1}, int64_t{1000}, int64_t{1} << 33}) {
              for (const int64_t reduced :
                   {int64_t{0}, int64_t{5}, int64_t{100000},
                    int64_t{1} << 33}) {
                for (const DType dtype : {DType::float32, DType::float64}) {
                  SCOPED_TRACE(std::to_string(D) + " " + std::to_string(E) +
                               ", " + std::to_string(kept) + " by " +
                               std::to_string(reduced));
                  expect_within_limits(program, {kept, reduced}, dtype);
                }
              }
            }
          }
        }
      }
    }
  }
}

TEST(GridPlan, SharesFewRowsAmongBlocks) {
  const Program program = programs_of(Mode::sum, 3, 1, false)[0];
  const GridPlan few =
      make_grid_plan(program, {100, 1000000}, DType::float32, {132});
  EXPECT_GE(few.blocks * few.splits, 132);
  const GridPlan many =
      make_grid_plan(program, {10000000, 1000}, DType::float32, {132});
  EXPECT_EQ(many.splits, 1);
  EXPECT_EQ(many.workspace.bytes, 0);
}

}  // namespace
}  // namespace gramless
