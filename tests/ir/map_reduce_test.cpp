// SPDX-License-Identifier: MIT
// Tests that broken map-reduces are found.
#include "gramless/ir/map_reduce.h"

#include <gtest/gtest.h>

#include "gramless/error.h"

namespace gramless {
namespace {

const Axis kD{"d", 0, 3};
const Axis kE{"e", 0, 2};

/// Returns a[i,e] = value, over x0[i,d] and b[j,e].
template <class Build>
MapReduce with_value(Build build) {
  MapReduce result;
  result.pool = std::make_shared<ExprPool>();
  result.arguments = {{"x0", PairIndex::i, {kD}}, {"b", PairIndex::j, {kE}}};
  result.outputs = {{{"a", PairIndex::i, {kE}}, build(*result.pool)}};
  return result;
}

template <class Build>
void expect_broken(Build build, const std::string& part) {
  try {
    verify(with_value(build));
    FAIL() << "accepted: " << part;
  } catch (const InternalError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << error.what();
  }
}

TEST(MapReduce, AcceptsWhatIsRight) {
  EXPECT_NO_THROW(verify(with_value([](ExprPool& pool) {
    return pool.sum(kD, pool.load("x0", {kAxisI, kD})) *
           pool.load("b", {kAxisJ, kE});
  })));
}

TEST(MapReduce, FindsWhatIsBroken) {
  expect_broken([](ExprPool&) { return Expr(); }, "'a' has no value");
  expect_broken([](ExprPool& pool) { return pool.load("c", {}); }, "'c'");
  expect_broken([](ExprPool& pool) { return pool.load("b", {kAxisJ}); }, "'b'");
  expect_broken(
      [](ExprPool& pool) { return pool.load("b", {kAxisJ, int64_t{2}}); },
      "'b'");
  expect_broken([](ExprPool& pool) { return pool.load("b", {kAxisI, kE}); },
                "'b'");
  expect_broken([](ExprPool& pool) { return pool.load("x0", {kAxisI, kD}); },
                "d");
  expect_broken(
      [](ExprPool& pool) { return pool.load("b", {kAxisJ, Axis{"e", 0, 5}}); },
      "e");
}

TEST(MapReduce, FindsTwoExtentsOfOneAxis) {
  const Axis other{"d", 1, 20};
  const auto value = [&](ExprPool& pool) {
    return pool.sum(kD, pool.load("x0", {kAxisI, kD}));
  };
  const auto expect_found = [](const MapReduce& map_reduce) {
    try {
      verify(map_reduce);
      FAIL();
    } catch (const InternalError& error) {
      EXPECT_STREQ(error.what(),
                   "verify(): axis 'd' has the extents 3 and 20. This is a bug "
                   "in Gramless.");
    }
  };
  MapReduce with_argument = with_value(value);
  with_argument.arguments.push_back({"y0", PairIndex::j, {other}});
  expect_found(with_argument);
  MapReduce with_output = with_value(value);
  with_output.outputs[0].array.features = {other};
  expect_found(with_output);
  expect_found(with_value([&](ExprPool& pool) {
    return value(pool) *
           pool.sum(other, pool.apply(Function::exp, pool.at(other, 4)));
  }));
}

TEST(MapReduce, CountsColumns) {
  EXPECT_EQ((ArraySpec{"g", PairIndex::none, {}}.width()), 1);
  EXPECT_EQ((ArraySpec{"g", PairIndex::j, {kD, kE}}.width()), 6);
}

}  // namespace
}  // namespace gramless
