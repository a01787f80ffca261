// SPDX-License-Identifier: MIT
// Tests that tiles cover the rows of a task, each once.
#include "gramless/backend/cpu/tiles.h"

#include <gtest/gtest.h>

#include <vector>

#include "evaluate.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

Program program_of(const std::vector<std::size_t>& wrt) {
  MapReduce product = testing::product_of("gaussian(x,y)", Metric::scalar);
  if (!wrt.empty()) product = vjp(product, wrt, {0});
  const auto expanded = expand(simplify(apply_log_domain(product, {})));
  return plan_sweeps(expanded).front().front();
}

void expect_each_row_once(const Program& program) {
  const cpu::ReadySweep sweep(program, {1000, 1000}, DType::float32, {});
  for (const int64_t count : {0, 1, 15, 16, 17, 63, 64, 65, 100, 1000}) {
    const cpu::Tiles tiles(sweep, count);
    int64_t covered = 0;
    bool is_rest = false;
    for (const cpu::Tile& tile : tiles) {
      EXPECT_EQ(tile.first, covered);
      EXPECT_GT(tile.count, 0);
      EXPECT_LE(tile.count, tile.rows);
      EXPECT_TRUE(tile.is_rest || !is_rest);  // The rest is at the end.
      // Copies of the last row would count in sums over the rows.
      EXPECT_TRUE(tile.is_rest || !has_sums_over_rows(program) ||
                  tile.count == tile.rows);
      is_rest = tile.is_rest;
      covered += tile.count;
    }
    EXPECT_EQ(covered, count);
    EXPECT_EQ(tiles.count(), count);
    EXPECT_GE(tiles.rows(), count);
  }
}

TEST(Tiles, CoverEachRowOnce) {
  const Program product = program_of({});
  EXPECT_FALSE(has_sums_over_rows(product));
  expect_each_row_once(product);
  const Program gradients = program_of({0, 1, 2});
  EXPECT_TRUE(has_sums_over_rows(gradients));
  expect_each_row_once(gradients);
}

}  // namespace
}  // namespace gramless
