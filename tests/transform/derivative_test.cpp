// SPDX-License-Identifier: MIT
// Tests that the rows of the tables say what is true, by finite differences
// and by a plain evaluator of expressions.
#include "gramless/transform/derivative.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "evaluate.h"
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
    if (row.function == Function::detach) continue;  // Another one, on purpose.
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

TEST(Expand, RowsOfFunctionsKeepTheirValues) {
  for (const FunctionRow& row : function_table()) {
    if (row.expansion.empty()) continue;
    ExprPool pool;
    Names names;
    names.values["a"] = pool.load("a", {});
    const Expr expansion = read_expr(pool, row.expansion, names);
    for (double t = 0.05; t < 1; t += 0.1) {
      const double at = row.test_low + t * (row.test_high - row.test_low);
      const double value = evaluate(row.function, at);
      EXPECT_NEAR(value_of(expansion, at), value,
                  1e-14 * std::abs(value) + 1e-14)
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

// <c, o> of the outputs that have a cotangent c among the data.
double pairing(const MapReduce& map_reduce, const testing::Data& data) {
  const auto results = testing::evaluate(map_reduce, data);
  double total = 0;
  for (std::size_t k = 0; k < results.size(); ++k) {
    const auto& cotangent =
        data.arrays.at("cot_" + map_reduce.outputs[k].array.name);
    for (std::size_t element = 0; element < results[k].size(); ++element) {
      total += cotangent[element] * results[k][element];
    }
  }
  return total;
}

// Expects gradients that agree with difference quotients in each element.
void expect_gradients(const MapReduce& product, const MapReduce& gradient,
                      testing::Data data, const std::string& what) {
  constexpr double kStep = 1e-5;
  const auto is = testing::evaluate(gradient, data);
  std::vector<std::vector<double>> should;
  for (const Output& output : gradient.outputs) {
    std::vector<double>& quotients = should.emplace_back();
    const std::string argument = output.array.name.substr(5);  // grad_…
    for (double& element : data.arrays.at(argument)) {
      const double middle = element;
      element = middle + kStep;
      const double above = pairing(product, data);
      element = middle - kStep;
      const double below = pairing(product, data);
      element = middle;
      quotients.push_back((above - below) / (2 * kStep));
    }
  }
  testing::expect_close(is, should, 1e-6, what);
}

TEST(Derivative, AgreesWithFiniteDifferencesInAllArguments) {
  for (const std::string& name : testing::sample_kernels()) {
    for (const Metric metric :
         {Metric::scalar, Metric::diagonal, Metric::full}) {
      const MapReduce product = testing::product_of(name, metric, PairIndex::j);
      std::vector<std::size_t> wrt(product.arguments.size());
      std::iota(wrt.begin(), wrt.end(), std::size_t{0});
      const MapReduce gradient = vjp(product, wrt, {0});
      testing::Data data{2, 3, {}};
      testing::fill(data, gradient, 1);
      expect_gradients(product, gradient, data, name);
    }
  }
}

TEST(Derivative, OfADerivativeAgreesWithFiniteDifferences) {
  for (const std::string& name : testing::sample_kernels()) {
    const MapReduce product = testing::product_of(name, Metric::scalar);
    const MapReduce first = simplify(vjp(product, {0, 1}, {0}));
    const MapReduce second = vjp(first, {0, 1}, {0, 1});
    testing::Data data{2, 3, {}};
    testing::fill(data, second, 2);
    expect_gradients(first, second, data, name);
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
