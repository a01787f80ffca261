// SPDX-License-Identifier: MIT
// Tests the simplifier on whole programs; its rules are tested one by one in
// derivative_test.cpp.
#include "gramless/transform/simplify.h"

#include <gtest/gtest.h>

#include "evaluate.h"
#include "gramless/ir/printer.h"
#include "gramless/transform/derivative.h"

namespace gramless {
namespace {

TEST(Simplify, KeepsValuesAndIsIdempotent) {
  for (const std::string& name : testing::sample_kernels()) {
    MapReduce product = testing::product_of(name, Metric::full, PairIndex::i);
    for (int order = 0; order < 3; ++order) {
      const MapReduce simple = simplify(product);
      verify(simple);
      testing::Data data{2, 2, {}};
      testing::fill(data, product, 5);
      testing::expect_close(testing::evaluate(simple, data),
                            testing::evaluate(product, data), 1e-11, name);
      EXPECT_EQ(to_text(simplify(simple)), to_text(simple));
      product = vjp(product, {0, 1}, {0});
    }
  }
}

TEST(Simplify, KeepsNothingThatIsNotUsed) {
  const MapReduce product =
      testing::product_of("gaussian(x,y)", Metric::scalar);
  const MapReduce simple = simplify(vjp(product, {0}, {0}));
  std::vector<Expr> roots;
  for (const Output& output : simple.outputs) roots.push_back(output.value);
  const std::size_t used = nodes_below(roots).size();
  EXPECT_LE(used, simple.pool->size());
  EXPECT_LE(simple.pool->size(), 2 * used);
}

}  // namespace
}  // namespace gramless
