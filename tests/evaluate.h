// SPDX-License-Identifier: MIT
// A plain evaluator for the tests: recursion over the graph, with nothing
// simplified, lowered, hoisted or blocked.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gramless/call/build.h"
#include "gramless/ir/map_reduce.h"

namespace gramless {

/// A metric on three coordinates.
enum class Metric : uint8_t { scalar, diagonal, full };

}  // namespace gramless

namespace gramless::testing {

/// Returns an element of an argument at its positions, i or j first.
using Lookup = std::function<double(const std::string& argument,
                                    const std::vector<int64_t>& positions)>;

/// Positions on the axes, by their text: i, j, d, d', …
using Positions = std::map<std::string, int64_t>;

double evaluate(Expr expr, const Lookup& lookup, Positions at = {});

/// The arguments of a map-reduce, by name, row-major.
struct Data {
  int64_t M = 0;
  int64_t N = 0;
  std::map<std::string, std::vector<double>> arrays;
};

/// Returns the number of elements of an array.
int64_t size_of(const ArraySpec& array, const Data& data);

/// Fills the arrays that `data` lacks with numbers between 0.2 and 1, and
/// matrices such that they are positive definite.
void fill(Data& data, const MapReduce& map_reduce, unsigned seed);

/// Returns all outputs, which are sums, row-major, by a loop over i, j and the
/// elements.
std::vector<std::vector<double>> evaluate(const MapReduce& map_reduce,
                                          const Data& data);

/// Returns a kernel product with three columns in x and y and two in b.
MapReduce product_of(const std::string& name, Metric metric,
                     PairIndex rows = PairIndex::none);
MapReduce product_of(const ParsedKernel& kernel, Metric metric,
                     PairIndex rows = PairIndex::none);

/// Kernels that between them use all that the tables have.
std::vector<std::string> sample_kernels();

/// Expects that two lists of arrays agree to a relative tolerance.
void expect_close(const std::vector<std::vector<double>>& is,
                  const std::vector<std::vector<double>>& should,
                  double tolerance, const std::string& what);

}  // namespace gramless::testing
