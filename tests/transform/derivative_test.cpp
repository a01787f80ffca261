// SPDX-License-Identifier: MIT
// Tests that the rows of the tables say what is true, by finite differences
// and by a plain evaluator of expressions.
#include "gramless/transform/derivative.h"

#include <gtest/gtest.h>

#include <cmath>

#include "evaluate.h"
#include "gramless/ir/printer.h"
#include "gramless/ir/reader.h"
#include "gramless/name/build.h"
#include "gramless/name/catalogue.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

double value_of(Expr expr, double a) {
  return testing::evaluate(
      expr, [a](const std::string&, const std::vector<int64_t>&) { return a; });
}

double difference_quotient(Function function, double a) {
  constexpr double kStep = 1e-5;
  return (evaluate(function, a + kStep) - evaluate(function, a - kStep)) /
         (2 * kStep);
}

TEST(Derivative, RowsOfFunctionsAgreeWithFiniteDifferences) {
  for (const FunctionRow& row : function_table()) {
    ExprPool pool;
    const Expr a = pool.load("a", {});
    const Expr derivative = partial_derivative(pool.apply(row.function, a), 0);
    for (double t = 0.05; t < 1; t += 0.1) {
      const double at = row.test_low + t * (row.test_high - row.test_low);
      EXPECT_NEAR(value_of(derivative, at),
                  difference_quotient(row.function, at), 2e-8)
          << row.name << " at " << at;
    }
  }
}

TEST(Derivative, RowsOfAtomsHaveTheirLogarithms) {
  for (const AtomRow& row : catalogue()) {
    for (double a = 0.1; a < 3; a += 0.2) {
      ExprPool pool;
      Names names;
      for (const char* name : {"q", "s", "g"}) {
        names.values[name] = pool.load(name, {});
      }
      const double value = value_of(read_expr(pool, row.formula, names), a);
      EXPECT_NEAR(std::log(value),
                  value_of(read_expr(pool, row.log_formula, names), a), 1e-14)
          << row.name << " at " << a;
    }
  }
}

TEST(Derivative, RulesOfTheSimplifierKeepValues) {
  for (const SimplifyRule& rule : simplify_rules()) {
    for (const double n : {-2.0, -0.5, 0.5, 2.0, 3.0}) {
      for (const double a : {0.25, 1.5, 3.0}) {
        ExprPool pool;
        Names names;
        names.values["a"] = pool.load("a", {});
        names.values["n"] = pool.constant(n);
        const double before = value_of(read_expr(pool, rule.pattern, names), a);
        const double after = value_of(read_expr(pool, rule.result, names), a);
        EXPECT_NEAR(before, after, 1e-13 * std::abs(before)) << rule.pattern;
      }
    }
  }
}

MapReduce product_of(const std::string& name, Metric metric) {
  const ParsedKernel kernel = parse_kernel(name);
  Signature signature{Mode::sum, {}, {}, 2};
  signature.dimensions.assign(kernel.pairs.size(), 3);
  for (const AtomUse& use : kernel.atoms) {
    const bool is_bare = use.row->parameter == Parameter::none;
    signature.gammas.push_back(
        {is_bare ? Metric::none : metric, PairIndex::none});
  }
  return build_kernel_product(kernel, signature);
}

TEST(Derivative, PrintsAndReadsBackTheSameProgram) {
  for (const char* name :
       {"gaussian(x,y)", "gaussian(x,y) * linear(u,v)**2",
        "cauchy(x,y) - distance(x,y)**3/2", "matern32(x,y)**0.5"}) {
    for (const Metric metric :
         {Metric::scalar, Metric::diagonal, Metric::full}) {
      MapReduce product = product_of(name, metric);
      for (int order = 0; order < 3; ++order) {
        verify(product);
        const std::string text = to_text(product);
        const MapReduce again = read_map_reduce(text);
        verify(again);
        EXPECT_EQ(to_text(again).size(), text.size()) << text;
        product = vjp(simplify(product), {0, 1}, {0});
      }
    }
  }
}

TEST(Derivative, KeepsSmoothKernelsSmooth) {
  ExprPool pool;
  const Expr q = pool.load("q", {});
  const Expr root = pool.power(q, 0.5);
  EXPECT_EQ(root * root, q);
  EXPECT_EQ(pool.power(root, 4), pool.power(q, 2));
  EXPECT_EQ(value_of(partial_derivative(root, 0), 0), 0);
  const Expr matern = pool.apply(Function::matern32, q);
  EXPECT_EQ(value_of(partial_derivative(matern, 0), 0), -0.5);
}

}  // namespace
}  // namespace gramless
