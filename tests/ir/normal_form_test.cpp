// SPDX-License-Identifier: MIT
// Tests that the rewrites of the normal form keep values, where numbers are
// special: each expression against the same formula in C++, operation by
// operation.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "evaluate.h"
#include "gramless/ir/expr.h"
#include "gramless/ir/printer.h"

namespace gramless {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Squares of the last four over- or underflow; products of two are numbers.
constexpr std::array kNumbers = {0.0,   -0.0,   1.0,    -1.0,      0.75,
                                 -2.5,  3.0,    kNaN,   kInfinity, -kInfinity,
                                 1e200, -1e200, 1e-200, -1e-200};

/// A formula of two numbers: as an expression, and in C++.
struct Formula {
  std::function<Expr(ExprPool&, Expr, Expr)> build;
  std::function<double(double, double)> value;
};

double square(double a) { return a * a; }

/// A root is NaN below 0, and so are its powers.
double root(double a) { return std::sqrt(a); }

const std::vector<Formula>& formulas() {
  using P = ExprPool;
  static const std::vector<Formula> formulas = {
      {[](P&, Expr a, Expr b) { return a + b; },
       [](double a, double b) { return a + b; }},
      {[](P&, Expr a, Expr b) { return a - b; },
       [](double a, double b) { return a - b; }},
      {[](P&, Expr a, Expr) { return a - a; },
       [](double a, double) { return a - a; }},
      {[](P& p, Expr a, Expr) { return p.constant(3) * a - (a + a); },
       [](double a, double) { return 3 * a - 2 * a; }},
      {[](P&, Expr a, Expr b) { return a + b + a; },
       [](double a, double b) { return 2 * a + b; }},
      {[](P& p, Expr a, Expr) { return p.constant(0) * a; },
       [](double a, double) { return 0 * a; }},
      {[](P& p, Expr a, Expr) { return p.constant(0) + a; },
       [](double a, double) { return a; }},
      {[](P&, Expr a, Expr b) { return a * b; },
       [](double a, double b) { return a * b; }},
      {[](P& p, Expr a, Expr b) { return p.power(a * b, 2); },
       [](double a, double b) { return square(a * b); }},
      {[](P& p, Expr a, Expr b) { return p.power(a * b, 3); },
       [](double a, double b) { return square(a * b) * (a * b); }},
      {[](P& p, Expr a, Expr b) { return p.power(a * b, -1); },
       [](double a, double b) { return 1 / (a * b); }},
      {[](P& p, Expr a, Expr b) {
         return p.power(p.constant(1e-3) * a * b, 2);
       },
       [](double a, double b) { return square(1e-3 * (a * b)); }},
      {[](P& p, Expr a, Expr b) { return p.power(p.divide(a, b), 2); },
       [](double a, double b) { return square(a / b); }},
      {[](P& p, Expr a, Expr) { return p.power(-a, 3); },
       [](double a, double) { return square(-a) * -a; }},
      {[](P& p, Expr a, Expr) { return p.power(-a, 2); },
       [](double a, double) { return square(-a); }},
      {[](P& p, Expr a, Expr) { return p.power(p.power(a, 2), -1); },
       [](double a, double) { return 1 / square(a); }},
      {[](P& p, Expr a, Expr) { return p.power(p.power(a, -1), 2); },
       [](double a, double) { return square(1 / a); }},
      {[](P& p, Expr a, Expr) { return p.divide(a, a); },
       [](double a, double) { return a / a; }},
      {[](P& p, Expr a, Expr) { return p.power(a, 0.5) * p.power(a, 0.5); },
       [](double a, double) { return a >= 0 ? a : kNaN; }},
      {[](P& p, Expr a, Expr) { return p.power(p.power(a, 0.5), 2); },
       [](double a, double) { return a >= 0 ? a : kNaN; }},
      {[](P& p, Expr a, Expr) { return p.power(p.power(a, 0.5), 4); },
       [](double a, double) { return a >= 0 ? square(a) : kNaN; }},
      {[](P& p, Expr a, Expr) { return p.power(p.power(a, 0.5), 3); },
       [](double a, double) { return a * root(a); }},
      {[](P& p, Expr a, Expr) {
         return p.power(p.constant(2) * p.power(a, 0.5), 2);
       },
       [](double a, double) { return a >= 0 ? 4 * a : kNaN; }},
      {[](P& p, Expr a, Expr b) { return p.power(p.power(a * b, 0.5), 2); },
       [](double a, double b) { return a * b >= 0 ? a * b : kNaN; }},
      {[](P& p, Expr a, Expr b) { return p.power(p.power(a, 0.5) * b, 2); },
       [](double a, double b) { return square(root(a) * b); }},
      {[](P& p, Expr a, Expr) { return p.power(p.power(a, 2), 0.5); },
       [](double a, double) { return root(square(a)); }},
      {[](P& p, Expr a, Expr b) {
         return p.apply(Function::select, {a, b, p.constant(0)});
       },
       [](double a, double b) { return a >= 0 ? b : 0; }},
      {[](P& p, Expr a, Expr b) {
         return p.apply(Function::select, {p.constant(-1), a, b});
       },
       [](double, double b) { return b; }},
      {[](P& p, Expr a, Expr b) {
         return p.apply(Function::select, {p.constant(kNaN), a, b});
       },
       [](double, double b) { return b; }},
      {[](P& p, Expr a, Expr b) {
         return p.apply(Function::select, {a, b, b});
       },
       [](double, double b) { return b; }},
      {[](P& p, Expr a, Expr b) {
         const Expr inner = p.apply(Function::select, {a, b, p.constant(3)});
         return p.apply(Function::select, {a, inner, inner * b}) +
                p.apply(Function::select, {a, -b, inner});
       },
       [](double a, double b) { return a >= 0 ? b - b : 3 * b + 3; }},
      {[](P& p, Expr a, Expr b) {
         const Expr other = p.apply(Function::select, {a, p.constant(-2), b});
         return p.apply(Function::select, {a, b, p.constant(1)}) + b -
                p.constant(3) * other;
       },
       [](double a, double b) { return a >= 0 ? 2 * b + 6 : 1 + b - 3 * b; }},
      {[](P& p, Expr a, Expr b) {
         const Axis d{"d", 0, 3};
         const Expr zero = p.constant(0);
         return p.sum(d, p.apply(Function::select, {a, p.at(d, 1) * b, zero}));
       },
       [](double a, double b) { return a >= 0 ? -2 * b : 0; }},
  };
  return formulas;
}

TEST(NormalForm, KeepsValuesAtSpecialNumbers) {
  for (const Formula& formula : formulas()) {
    ExprPool pool;
    const Expr expr =
        formula.build(pool, pool.load("a", {}), pool.load("b", {}));
    for (const double a : kNumbers) {
      for (const double b : kNumbers) {
        const double is = testing::evaluate(
            expr, [&](const std::string& name, const std::vector<int64_t>&) {
              return name == "a" ? a : b;
            });
        const double should = formula.value(a, b);
        const bool is_same =
            is == should || (std::isnan(is) && std::isnan(should));
        // Signs of zeros may change, and so those of their inverses.
        const bool is_of_zero =
            std::isinf(should) && is == -should && (a == 0 || b == 0);
        const bool is_near = std::abs(is - should) <= 1e-15 * std::abs(should);
        EXPECT_TRUE(is_same || is_of_zero || is_near)
            << to_text(expr) << " is " << is << " for " << should
            << " at a = " << a << ", b = " << b;
      }
    }
  }
}

TEST(NormalForm, DoesNotDependOnThePool) {
  // Built in another order, in a pool that knows other expressions.
  const auto text = [](bool is_reversed) {
    ExprPool pool;
    std::vector<std::string> names = {"c", "a", "d", "b"};
    if (is_reversed) std::reverse(names.begin(), names.end());
    std::vector<Expr> loads;
    for (const std::string& name : names) loads.push_back(pool.load(name, {}));
    std::sort(loads.begin(), loads.end(),
              [](Expr a, Expr b) { return a->argument < b->argument; });
    const Expr product = loads[0] * loads[1] + loads[2];
    const Expr sine = pool.apply(Function::sin, loads[3]);
    return is_reversed ? to_text(pool.add({loads[3], sine, product}) * sine)
                       : to_text(sine * pool.add({product, loads[3], sine}));
  };
  EXPECT_EQ(text(false), text(true));
}

}  // namespace
}  // namespace gramless
