// SPDX-License-Identifier: MIT
// Tests the normal form: what is one node, and what must not become one.
#include "gramless/ir/expr.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "evaluate.h"
#include "gramless/error.h"
#include "gramless/ir/printer.h"

namespace gramless {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class ExprTest : public ::testing::Test {
 protected:
  ExprPool pool;
  const Axis d{"d", 0, 3};
  const Axis d1{"d", 1, 3};
  const Expr f = pool.load("f", {});
  const Expr g = pool.load("g", {});
  const Expr x = pool.load("x", {kAxisI, d});
  const Expr y = pool.load("y", {kAxisJ, d});

  static double value_of(Expr expr, double f_value) {
    return testing::evaluate(
        expr, [&](const std::string&, const std::vector<int64_t>&) {
          return f_value;
        });
  }
};

TEST_F(ExprTest, BuildsEqualExpressionsOnce) {
  EXPECT_EQ(f + g, g + f);
  EXPECT_EQ(f * g, g * f);
  EXPECT_EQ((f + g) + x, f + (g + x));
  EXPECT_EQ((f * g) * x, f * (g * x));
  EXPECT_EQ(f + f, pool.constant(2) * f);
  EXPECT_EQ(f * f, pool.power(f, 2));
  EXPECT_EQ(-(-f), f);
  EXPECT_EQ(pool.power(pool.power(f, 3), 2), pool.power(f, 6));
  EXPECT_EQ(pool.constant(0) + f, f);
  EXPECT_EQ(pool.constant(1) * f, f);
  EXPECT_EQ(pool.power(f, 0), pool.constant(1));
  EXPECT_EQ(pool.constant(2) + pool.constant(3), pool.constant(5));
}

TEST_F(ExprTest, KeepsNaNAndInfinity) {
  // Each would be finite if it were rewritten as real numbers allow.
  EXPECT_TRUE(std::isnan(value_of(f - f, kInfinity)));
  EXPECT_TRUE(std::isnan(value_of(pool.constant(0) * f, kInfinity)));
  EXPECT_TRUE(std::isnan(value_of(pool.divide(f, f), 0)));
  EXPECT_TRUE(std::isnan(value_of(pool.divide(f, f), kInfinity)));
  EXPECT_EQ(value_of(pool.divide(pool.constant(1), f), 0), kInfinity);
}

TEST_F(ExprTest, MergesRootsWithTheirBase) {
  const Expr root = pool.power(f, 0.5);
  const auto domain = [&](Expr a) {
    return pool.apply(Function::root_domain, a);
  };
  EXPECT_EQ(root * root, f * domain(f));
  EXPECT_EQ(pool.power(root, 4), pool.power(f, 2) * domain(f));
  EXPECT_EQ(pool.power(root, 3), pool.power(f, 1.5));
  EXPECT_EQ(pool.power(pool.power(f * g, 0.5), 2), f * g * domain(f * g));
  EXPECT_TRUE(std::isnan(value_of(root * root, -3)));
  const Expr square = pool.power(f, 2);
  EXPECT_EQ(pool.power(pool.power(square, 0.5), 2), square);
  EXPECT_NE(pool.power(pool.power(f, 2), 0.5), f);  // It is |f|.
  EXPECT_EQ(value_of(pool.power(pool.power(f, 2), 0.5), -3), 3);
}

TEST_F(ExprTest, Power0IsZeroAtZeroOnly) {
  EXPECT_EQ(value_of(pool.power0(f, -0.5), 0), 0);
  EXPECT_EQ(value_of(pool.power0(f, -0.5), 4), 0.5);
  EXPECT_EQ(pool.power0(f, 1.5), pool.power(f, 1.5));
}

TEST_F(ExprTest, SumsTakeOutWhatIsConstant) {
  EXPECT_EQ(pool.sum(d, f * x), f * pool.sum(d, x));
  EXPECT_EQ(pool.sum(d, f), pool.constant(3) * f);
  EXPECT_EQ(pool.sum({"e", 0, 0}, pool.load("b", {Axis{"e", 0, 0}})),
            pool.constant(0));
  EXPECT_THROW(pool.sum(kAxisJ, y), InternalError);
}

TEST_F(ExprTest, SumsThatDifferInTheirAxisAreOneNode) {
  const Expr product = x * y;
  const Expr renamed = pool.rename(product, {{d, d1}});
  EXPECT_NE(product, renamed);
  EXPECT_EQ(pool.sum(d, product), pool.sum(d1, renamed));
}

TEST_F(ExprTest, RenamingKeepsBoundAxesApart) {
  // In sum(d', A[d,d']*x[i,d']) the free d becomes d'; the bound one gives way.
  const Expr matrix = pool.load("A", {d, d1});
  const Expr product = pool.sum(d1, matrix * pool.load("x", {kAxisI, d1}));
  const Expr renamed = pool.rename(product, {{d, d1}});
  EXPECT_EQ(to_text(renamed), "sum(d, A[d',d]*x[i,d])");
  EXPECT_TRUE(renamed->depends_on(d1));
  EXPECT_FALSE(renamed->depends_on(d));
}

TEST_F(ExprTest, KnowsItsFreeAxes) {
  const Expr distance = pool.sum(d, pool.power(x - y, 2));
  EXPECT_TRUE(distance->depends_on(kAxisI));
  EXPECT_TRUE(distance->depends_on(kAxisJ));
  EXPECT_FALSE(distance->depends_on(d));
}

}  // namespace
}  // namespace gramless
