// SPDX-License-Identifier: MIT
// Tests the model of what programs cost against counts made by hand.
#include "gramless/codegen/cost.h"

#include <gtest/gtest.h>

#include "evaluate.h"
#include "gramless/codegen/cuda/grid_code.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

/// Returns the instructions of a product for vectors of some instructions.
int64_t cost_of(const std::string& name, VectorIsa isa) {
  Target target = host_target();
  target.isa = isa;
  target.vector_bytes = isa == VectorIsa::avx512 ? 64 : 32;
  const MapReduce product = testing::product_of(name, Metric::scalar);
  const Program program =
      lower(expand(simplify(apply_log_domain(product, {})))).front();
  const Plan plan =
      make_plan(program, {1000, 1000}, DType::float32, target.vector_bytes);
  return pair_instructions(program, plan.tile, target);
}

// Three differences, three squares summed, a factor, and one addition for each
// of two columns, are nine.
TEST(Cost, CountsTheInstructionsOfAPair) {
  EXPECT_EQ(cost_of("gaussian(x,y)", VectorIsa::avx512), 9 + 9);
  EXPECT_EQ(cost_of("gaussian(x,y)", VectorIsa::avx2), 9 + 13);
  // Of a product with three factors, two multiplications more and three fused.
  EXPECT_EQ(cost_of("linear(x,y)", VectorIsa::avx2), 3 + 2);
}

// Differences, squares, two factors and the sums of two columns are ten. A root
// is seven: an estimate, two products, two multiply-adds, a class and a choice.
TEST(Cost, CountsASignAsPartOfAMultiplyAdd) {
  EXPECT_EQ(cost_of("laplacian(x,y)", VectorIsa::avx512), 10 + 7 + 9);
}

/// Returns the slots of a product on a GPU, and how many are special functions.
std::pair<int64_t, int64_t> slots_of(const std::string& name, DType dtype) {
  const MapReduce product = testing::product_of(name, Metric::scalar);
  const Program program =
      lower(expand(simplify(apply_log_domain(product, {})))).front();
  const GridPlan plan = make_grid_plan(program, {1000, 1000}, dtype);
  const Target target = cuda_target(90);
  return {pair_instructions(program, plan.tile, target),
          pair_special_functions(program, plan.tile, target)};
}

TEST(Cost, CountsTheSlotsOfAGpu) {
  // Nine are those of processors, and one is the exponential.
  EXPECT_EQ(slots_of("gaussian(x,y)", DType::float32), std::pair(10L, 1L));
  EXPECT_EQ(slots_of("linear(x,y)", DType::float32), std::pair(5L, 0L));
  EXPECT_EQ(slots_of("laplacian(x,y)", DType::float32).second, 2);
  const auto [all, special] = slots_of("gaussian(x,y)", DType::float64);
  EXPECT_EQ(special, 0);
  EXPECT_GT(all, 20);
}

TEST(Cost, GrowsWithTheRoutines) {
  for (const VectorIsa isa : {VectorIsa::avx2, VectorIsa::avx512}) {
    EXPECT_LT(cost_of("cauchy(x,y)", isa), cost_of("gaussian(x,y)", isa));
    EXPECT_LT(cost_of("gaussian(x,y)", isa), cost_of("laplacian(x,y)", isa));
    EXPECT_LT(cost_of("laplacian(x,y)", isa), cost_of("matern52(x,y)", isa));
  }
}

}  // namespace
}  // namespace gramless
