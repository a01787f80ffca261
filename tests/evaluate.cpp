// SPDX-License-Identifier: MIT
// Implements the plain evaluator.
#include "evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "gramless/formula/parsed_kernel.h"
#include "gramless/ir/operators.h"

namespace gramless::testing {
namespace {

std::vector<int64_t> positions_of(const Node& load, const Positions& at) {
  std::vector<int64_t> positions;
  for (const Index& index : load.indices) {
    const Axis* axis = std::get_if<Axis>(&index);
    positions.push_back(axis != nullptr ? at.at(axis->text())
                                        : std::get<int64_t>(index));
  }
  return positions;
}

/// Returns a look-up of row-major arrays. A scalar has no feature axes.
Lookup lookup_in(const MapReduce& map_reduce, const Data& data) {
  return [&](const std::string& name, const std::vector<int64_t>& positions) {
    const auto spec = std::find_if(
        map_reduce.arguments.begin(), map_reduce.arguments.end(),
        [&](const ArraySpec& argument) { return argument.name == name; });
    const std::size_t behind = spec->pair == PairIndex::none ? 0 : 1;
    int64_t offset = behind == 1 ? positions[0] : 0;
    for (std::size_t k = 0; k < spec->features.size(); ++k) {
      offset = offset * spec->features[k].extent + positions[behind + k];
    }
    return data.arrays.at(name)[static_cast<std::size_t>(offset)];
  };
}

double call(Function function, std::size_t arity,
            const std::function<double(std::size_t)>& operand) {
  std::vector<double> operands;
  for (std::size_t k = 0; k < arity; ++k) operands.push_back(operand(k));
  return gramless::evaluate(function, operands);
}

/// Adds the values for one pair to an output's elements.
void add_pair(const Output& output, const Lookup& lookup, Positions at,
              std::vector<double>& sums) {
  const ArraySpec& array = output.array;
  const int64_t columns = array.width();
  const int64_t row = array.pair == PairIndex::none ? 0
                      : array.pair == PairIndex::i  ? at["i"]
                                                    : at["j"];
  for (int64_t column = 0; column < columns; ++column) {
    int64_t rest = column;
    for (std::size_t k = array.features.size(); k-- > 0;) {
      at[array.features[k].text()] = rest % array.features[k].extent;
      rest /= array.features[k].extent;
    }
    double& total = sums[static_cast<std::size_t>(row * columns + column)];
    total += evaluate(output.value, lookup, at);
  }
}

/// Powers that are not whole are NaN below 0, also at -inf.
double power_of(double base, double exponent) {
  const bool is_whole = exponent == std::trunc(exponent);
  return base < 0 && !is_whole ? std::nan("") : std::pow(base, exponent);
}

}  // namespace

double evaluate(Expr expr, const Lookup& lookup, Positions at) {
  const auto operand = [&](std::size_t k) {
    return evaluate(expr->operands[k], lookup, at);
  };
  double result = 0;
  switch (expr->kind) {
    case NodeKind::constant:
      return expr->value;
    case NodeKind::load:
      return lookup(expr->argument, positions_of(*expr, at));
    case NodeKind::at:
      return static_cast<double>(at.at(expr->axis.text())) == expr->value ? 0
                                                                          : -1;
    case NodeKind::add:
      for (std::size_t k = 0; k < expr->operands.size(); ++k) {
        result += operand(k);
      }
      return result;
    case NodeKind::multiply:
      result = 1;
      for (std::size_t k = 0; k < expr->operands.size(); ++k) {
        result *= operand(k);
      }
      return result;
    case NodeKind::power:
      return power_of(operand(0), expr->value);
    case NodeKind::power0:
      return operand(0) == 0 ? 0 : power_of(operand(0), expr->value);
    case NodeKind::function:
      return call(expr->function, expr->operands.size(), operand);
    case NodeKind::sum:
      for (int64_t k = 0; k < expr->axis.extent; ++k) {
        at[expr->axis.text()] = k;
        result += operand(0);
      }
      return result;
  }
  return std::nan("");
}

int64_t size_of(const ArraySpec& array, const Data& data) {
  switch (array.pair) {
    case PairIndex::none:
      return array.width();
    case PairIndex::i:
      return data.M * array.width();
    case PairIndex::j:
      return data.N * array.width();
  }
  return 0;
}

void fill(Data& data, const MapReduce& map_reduce, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> numbers(0.2, 1.0);
  for (const ArraySpec& argument : map_reduce.arguments) {
    if (data.arrays.contains(argument.name)) continue;
    std::vector<double>& values = data.arrays[argument.name];
    values.resize(static_cast<std::size_t>(size_of(argument, data)));
    for (double& value : values) value = numbers(random);
    if (argument.features.size() != 2) continue;  // Or a positive metric.
    const auto extent = static_cast<std::size_t>(argument.features[0].extent);
    for (std::size_t k = 0; k < values.size(); ++k) {
      if (k % (extent * extent) % (extent + 1) == 0) values[k] += 2;
    }
  }
}

std::vector<std::vector<double>> evaluate(const MapReduce& map_reduce,
                                          const Data& data) {
  const Lookup lookup = lookup_in(map_reduce, data);
  std::vector<std::vector<double>> results;
  for (const Output& output : map_reduce.outputs) {
    std::vector<double>& sums = results.emplace_back(
        static_cast<std::size_t>(size_of(output.array, data)));
    for (int64_t i = 0; i < data.M; ++i) {
      for (int64_t j = 0; j < data.N; ++j) {
        add_pair(output, lookup, {{"i", i}, {"j", j}}, sums);
      }
    }
  }
  return results;
}

int64_t columns_of(Metric metric) {
  return metric == Metric::scalar ? 1 : metric == Metric::diagonal ? 3 : 9;
}

MapReduce product_of(const std::string& name, Metric metric, PairIndex rows) {
  return product_of(parse_kernel(name), metric, rows);
}

MapReduce product_of(const ParsedKernel& kernel, Metric metric,
                     PairIndex rows) {
  Signature signature{Mode::sum, {}, 2};
  signature.kernel.x_widths.assign(kernel.pairs.size(), 3);
  signature.kernel.y_widths = signature.kernel.x_widths;
  for (const GammaSlot& slot : kernel.slots) {
    const bool is_scalar = slot.parameter == Parameter::scalar;
    const bool is_none = slot.parameter == Parameter::none;
    const int64_t columns = is_scalar ? 1 : columns_of(metric);
    signature.kernel.gammas.push_back(is_none ? GammaForm{}
                                              : GammaForm{columns, rows});
  }
  return build_kernel_product(kernel, signature);
}

std::vector<std::string> sample_kernels() {
  std::vector<std::string> names = {
      "gaussian(x,y) * linear(u,v)**2", "cauchy(x,y) - distance(x,y)**3/2",
      "matern32(x,y)**0.5 + 1/2", "(laplacian(x,y)*distance(x,y))**3"};
  for (const AtomRow& row : atom_table()) {
    names.push_back(std::string(row.name) + "(x,y)");
  }
  return names;
}

void expect_close(const std::vector<std::vector<double>>& is,
                  const std::vector<std::vector<double>>& should,
                  double tolerance, const std::string& what) {
  ASSERT_EQ(is.size(), should.size()) << what;
  for (std::size_t k = 0; k < is.size(); ++k) {
    ASSERT_EQ(is[k].size(), should[k].size()) << what;
    double largest = 0;
    for (const double value : should[k]) {
      largest = std::max(largest, std::abs(value));
    }
    for (std::size_t element = 0; element < is[k].size(); ++element) {
      ASSERT_NEAR(is[k][element], should[k][element], tolerance * largest)
          << what << ", output " << k << ", element " << element;
    }
  }
}

}  // namespace gramless::testing
