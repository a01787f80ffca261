// SPDX-License-Identifier: MIT
// Tests what is computed how often: whole programs as text.
#include <gtest/gtest.h>

#include <algorithm>

#include "evaluate.h"
#include "gramless/lower/program.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

std::string forward_text(const std::string& name, Metric metric,
                         PairIndex rows = PairIndex::none) {
  const auto programs =
      lower(simplify(testing::product_of(name, metric, rows)));
  EXPECT_EQ(programs.size(), 1U);
  return to_text(programs.at(0));
}

TEST(Lower, ComputesTheDifferenceOnce) {
  EXPECT_EQ(forward_text("gaussian(x,y)", Metric::scalar),
            R"(sweep over columns j
  per call
    v2 = g0[]
    v8 = -1*v2
  per row i
    v3[d] = x0[i,d]
  per column j
    v0[e] = b[j,e]
    v4[d] = y0[j,d]
    v5[d] = -1*v4[d]
  per pair
    v6[d] = v3[d] + v5[d]
    v7 = sum(d, v6[d]*v6[d])
    v9 = v8*v7
    v10 = exp(v9)
    v11[e] = v0[e]*v10
  summed
    a[i,e:2] += v11[e]
)");
}

TEST(Lower, HoistsWhatDoesNotDependOnThePair) {
  EXPECT_EQ(
      forward_text("gaussian_oriented(x,y)", Metric::scalar, PairIndex::i),
      R"(sweep over columns j
  per row i
    v2 = g0[i]
    v4[d] = x0[i,d]
    v8 = 2*v2
  per column j
    v0[e] = b[j,e]
    v5[d] = y0[j,d]
  per pair
    v6 = sum(d, v4[d]*v5[d])
    v7 = -1 + v6
    v9 = v8*v7
    v10 = exp(v9)
    v11[e] = v0[e]*v10
  summed
    a[i,e:2] += v11[e]
)");
}

TEST(Lower, NumbersValuesOnceWhateverCopyOfAnAxisTheyStandOn) {
  EXPECT_EQ(forward_text("gaussian(x,y)", Metric::full), R"(sweep over columns j
  per call
    v6[d,d'] = g0[d,d']
  per row i
    v2[d] = x0[i,d]
  per column j
    v0[e] = b[j,e]
    v3[d] = y0[j,d]
    v4[d] = -1*v3[d]
  per pair
    v5[d] = v2[d] + v4[d]
    v7[d] = sum(d', v6[d,d']*v5[d'])
    v8 = sum(d, v5[d]*v7[d])
    v9 = -1*v8
    v10 = exp(v9)
    v11[e] = v0[e]*v10
  summed
    a[i,e:2] += v11[e]
)");
}

TEST(Lower, SharesASweepBetweenOutputsOfOneKind) {
  const MapReduce product =
      testing::product_of("gaussian(x,y)", Metric::scalar);
  const auto programs = lower(simplify(vjp(product, {0, 1, 2, 3}, {0})));
  ASSERT_EQ(programs.size(), 2U);
  EXPECT_EQ(programs[0].outputs.size() + programs[1].outputs.size(), 4U);
  EXPECT_NE(programs[0].kept, programs[1].kept);
}

TEST(Lower, OrdersInstructionsAndRates) {
  for (const std::string& name : testing::sample_kernels()) {
    const MapReduce product =
        testing::product_of(name, Metric::full, PairIndex::j);
    for (const Program& program : lower(simplify(vjp(product, {0, 1}, {0})))) {
      for (std::size_t k = 0; k < program.instructions.size(); ++k) {
        const Instruction& instruction = program.instructions[k];
        for (const Use& operand : instruction.operands) {
          ASSERT_LT(operand.value, static_cast<int>(k));
          const Rate rate =
              program.instructions[static_cast<std::size_t>(operand.value)]
                  .rate;
          // A value changes at least as often as its operands.
          const bool is_covered = rate == Rate::call ||
                                  instruction.rate == Rate::pair ||
                                  rate == instruction.rate;
          EXPECT_TRUE(is_covered) << to_text(program);
        }
      }
    }
  }
}

}  // namespace
}  // namespace gramless
