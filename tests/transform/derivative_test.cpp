// SPDX-License-Identifier: MIT
// Tests that the rows of the tables say what is true, by finite differences
// and by a plain evaluator of expressions.
#include "gramless/transform/derivative.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "evaluate.h"
#include "gramless/call/build.h"
#include "gramless/ir/reader.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double value_of(Expr expr, double a) {
  return testing::evaluate(
      expr, [a](const std::string&, const std::vector<int64_t>&) { return a; });
}

/// A row of the table, applied to arguments of its own.
class Application {
 public:
  explicit Application(const FunctionRow& applied) : row(applied) {
    const std::vector<std::string> names = {"a", "b", "c"};
    for (std::size_t k = 0; k < row.arity(); ++k) {
      loads.push_back(pool.load(names[k], {}));
    }
    random_.seed(static_cast<unsigned>(row.function));
  }

  /// Returns numbers from the row's range.
  std::vector<double> numbers() {
    std::uniform_real_distribution<double> range(row.test_low, row.test_high);
    std::vector<double> numbers;
    for (std::size_t k = 0; k < row.arity(); ++k) {
      numbers.push_back(range(random_));
    }
    return numbers;
  }

  static double at(Expr expr, const std::vector<double>& numbers) {
    return testing::evaluate(
        expr, [&](const std::string& name, const std::vector<int64_t>&) {
          return numbers.at(static_cast<std::size_t>(name[0] - 'a'));
        });
  }

  const FunctionRow& row;
  ExprPool pool;
  std::vector<Expr> loads;

 private:
  std::mt19937 random_;
};

double difference_quotient(Function function, std::vector<double> at,
                           std::size_t k) {
  constexpr double kStep = 1e-5;
  at[k] += kStep;
  const double above = evaluate(function, at);
  at[k] -= 2 * kStep;
  return (above - evaluate(function, at)) / (2 * kStep);
}

TEST(Derivative, RowsOfFunctionsAgreeWithFiniteDifferences) {
  for (const FunctionRow& row : function_table()) {
    Application call(row);
    const Expr value = call.pool.apply(row.function, call.loads);
    for (int draw = 0; draw < 20; ++draw) {
      const std::vector<double> at = call.numbers();
      for (std::size_t k = 0; k < row.arity(); ++k) {
        const double expected = difference_quotient(row.function, at, k);
        EXPECT_NEAR(Application::at(partial_derivative(value, k), at), expected,
                    2e-8 + 1e-9 * std::abs(expected))
            << row.name << " by operand " << k << " at " << at[0];
      }
    }
  }
}

TEST(Expand, RowsOfFunctionsKeepTheirValues) {
  for (const FunctionRow& row : function_table()) {
    if (row.expansion.empty()) continue;
    Application call(row);
    Names names;
    names.values = operand_names(call.loads);
    const Expr expansion = read_expr(call.pool, row.expansion, names);
    for (int draw = 0; draw < 20; ++draw) {
      const std::vector<double> at = call.numbers();
      const double value = evaluate(row.function, at);
      EXPECT_NEAR(Application::at(expansion, at), value,
                  1e-14 * std::abs(value) + 1e-14)
          << row.name << " at " << at[0];
    }
  }
}

TEST(LogDomain, RowsOfExponentialsKeepTheirValues) {
  for (const FunctionRow& row : function_table()) {
    if (row.exponent.empty()) continue;
    Application call(row);
    Names names;
    names.values = operand_names(call.loads);
    const Expr factor = read_expr(call.pool, row.factor, names);
    const Expr exponent = read_expr(call.pool, row.exponent, names);
    for (const double a :
         {0.0, 1e-3, 0.7, 5.0, 300.0, 1e30, 1e300, kInfinity, std::nan("")}) {
      const double value = evaluate(row.function, {{a}});
      const double product = Application::at(factor, {a}) *
                             std::exp(Application::at(exponent, {a}));
      if (std::isnan(value)) {
        EXPECT_TRUE(std::isnan(product)) << row.name << " at " << a;
      } else if (value == product) {
        continue;  // Or both are infinite.
      } else {
        EXPECT_NEAR(product, value, 1e-14 * std::abs(value))
            << row.name << " at " << a;
      }
    }
  }
}

TEST(Derivative, RulesOfTheSimplifierKeepValues) {
  for (const SimplifyRule& rule : simplify_rules()) {
    for (const double a :
         {0.25, 1.5, 3.0, 0.0, -0.0, -1.0, -0.5, -3.0, 1e-300, 1e300, 1e-40,
          1e40, kInfinity, -kInfinity, std::nan("")}) {
      ExprPool pool;
      Names names;
      names.values["a"] = pool.load("a", {});
      const double before = value_of(read_expr(pool, rule.pattern, names), a);
      const double after = value_of(read_expr(pool, rule.result, names), a);
      if (std::isfinite(before)) {
        EXPECT_NEAR(before, after, 1e-13 * std::abs(before) + 1e-15)
            << rule.pattern << " at " << a;
      } else {
        EXPECT_TRUE(before == after || (before != before && after != after))
            << rule.pattern << " at " << a << ": " << after;
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
  EXPECT_EQ(value_of(partial_derivative(root * root, 0), 0), 1);
  EXPECT_EQ(value_of(partial_derivative(root, 0), 0), 0);
  const Expr matern = pool.apply(Function::matern32, q);
  EXPECT_EQ(value_of(partial_derivative(matern, 0), 0), -0.5);
}

}  // namespace
}  // namespace gramless
