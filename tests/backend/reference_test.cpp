// SPDX-License-Identifier: MIT
// Tests the reference backend against the plain evaluator: any strides, dtypes,
// sizes around the block of lanes, and the same bits on any number of threads.
#include <gtest/gtest.h>

#include "evaluate.h"
#include "gramless/backend/backend.h"
#include "gramless/backend/reference/evaluator.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

using Results = std::vector<std::vector<double>>;

std::vector<int64_t> shape_of(const ArraySpec& array,
                              const testing::Data& data) {
  if (array.pair == PairIndex::none) return {array.width()};
  return {testing::size_of(array, data) / std::max<int64_t>(1, array.width()),
          array.width()};
}

Results run_reference(const MapReduce& map_reduce, const testing::Data& data,
                      int threads) {
  std::vector<ArrayView> arguments;
  for (const ArraySpec& spec : map_reduce.arguments) {
    arguments.push_back(ArrayView::contiguous(data.arrays.at(spec.name).data(),
                                              shape_of(spec, data)));
  }
  Results results;
  for (const Output& output : map_reduce.outputs) {
    results.emplace_back(
        static_cast<std::size_t>(testing::size_of(output.array, data)), -1.0);
  }
  std::vector<MutableArrayView> targets;
  for (std::size_t k = 0; k < results.size(); ++k) {
    targets.push_back(MutableArrayView::contiguous(
        results[k].data(), shape_of(map_reduce.outputs[k].array, data)));
  }
  for (const Program& program : lower(map_reduce)) {
    reference::run(program, {data.M, data.N}, arguments, targets,
                   {threads, {}});
  }
  return results;
}

TEST(Reference, AgreesWithThePlainEvaluator) {
  for (const std::string& name : testing::sample_kernels()) {
    for (const Metric metric :
         {Metric::scalar, Metric::diagonal, Metric::full}) {
      for (const PairIndex rows :
           {PairIndex::none, PairIndex::i, PairIndex::j}) {
        MapReduce product = testing::product_of(name, metric, rows);
        for (int order = 0; order < 2; ++order) {
          testing::Data data{3, 2, {}};
          testing::fill(data, product, 11);
          testing::expect_close(run_reference(simplify(product), data, 1),
                                testing::evaluate(product, data), 1e-12, name);
          product = vjp(product, {0, 1, product.arguments.size() - 1}, {0});
        }
      }
    }
  }
}

TEST(Reference, TakesAnyNumberOfPairs) {
  const MapReduce product =
      testing::product_of("cauchy(x,y)", Metric::diagonal);
  const MapReduce gradient = simplify(vjp(product, {0, 1, 2, 3}, {0}));
  const int64_t lanes = reference::kLanes;
  for (const int64_t M : {int64_t{0}, int64_t{1}, int64_t{17}, lanes + 1}) {
    for (const int64_t N : {int64_t{0}, int64_t{1}, lanes, lanes + 1}) {
      testing::Data data{M, N, {}};
      testing::fill(data, gradient, 12);
      testing::expect_close(run_reference(gradient, data, 2),
                            testing::evaluate(gradient, data), 1e-12, "cauchy");
    }
  }
}

TEST(Reference, GivesTheSameBitsOnAnyNumberOfThreads) {
  const MapReduce product =
      testing::product_of("gaussian(x,y)", Metric::scalar);
  const MapReduce gradient = simplify(vjp(product, {0, 1, 2, 3}, {0}));
  testing::Data data{301, 457, {}};
  testing::fill(data, gradient, 13);
  const Results one = run_reference(gradient, data, 1);
  for (const int threads : {2, 3, 8}) {
    EXPECT_EQ(run_reference(gradient, data, threads), one);
  }
}

TEST(Reference, RoundsWithinABlockOnly) {
  // The sum of 1 and 2^18 times 2^-61: each block alone would round away.
  MapReduce sum;
  sum.pool = std::make_shared<ExprPool>();
  sum.arguments = {{"b", PairIndex::j, {}}};
  sum.outputs = {{{"a", PairIndex::none, {}}, sum.pool->load("b", {kAxisJ})}};
  testing::Data data{1, (int64_t{1} << 18) + 1, {}};
  data.arrays["b"].assign(static_cast<std::size_t>(data.N), 0x1p-61);
  data.arrays["b"][0] = 1;
  EXPECT_NEAR(run_reference(sum, data, 2)[0][0], 1 + 0x1p-43, 0x1p-52);
}

}  // namespace
}  // namespace gramless
