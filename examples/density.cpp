// SPDX-License-Identifier: MIT
// Reads points from the columns x, y and z of a CSV file, and prints their
// density on a grid, as CSV again: that of a Gaussian of a given width around
// each point. Ctrl-C stops it.
//
//     density points.csv 0.5 > density.csv
#include <gramless/gramless.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <numbers>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using gramless::ArrayView;
using gramless::MutableArrayView;

constexpr int64_t D = 3;
constexpr int64_t kSide = 12;  // Of the grid, in points.
constexpr int64_t M = kSide * kSide * kSide;

volatile std::sig_atomic_t is_stopped = 0;

double parse_number(std::string_view text) {
  double number = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop != end) {
    throw std::runtime_error("expected a number, got '" + std::string(text) +
                             "'");
  }
  return number;
}

// Returns the rows of a file whose header is x,y,z, one behind the other.
std::vector<double> read_points(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line != "x,y,z") {
    throw std::runtime_error("expected the header x,y,z in " + path +
                             ", got '" + line + "'");
  }
  std::vector<double> points;
  while (std::getline(file, line)) {
    std::string_view rest = line;
    for (int64_t column = 0; column < D; ++column) {
      const std::size_t comma = rest.find(',');
      if ((comma == std::string_view::npos) != (column == D - 1)) {
        throw std::runtime_error("expected three columns, got '" + line + "'");
      }
      points.push_back(parse_number(rest.substr(0, comma)));
      rest.remove_prefix(std::min(rest.size(), comma + 1));
    }
  }
  if (points.empty()) throw std::runtime_error("no points in " + path);
  return points;
}

// Returns a grid in the box of the points, z first.
std::vector<double> make_grid(const std::vector<double>& points) {
  std::vector<double> low(points.begin(), points.begin() + D), high = low;
  for (std::size_t k = 0; k < points.size(); ++k) {
    low[k % D] = std::min(low[k % D], points[k]);
    high[k % D] = std::max(high[k % D], points[k]);
  }
  std::vector<double> grid;
  for (int64_t position = 0; position < M; ++position) {
    const int64_t steps[] = {position / (kSide * kSide),
                             position / kSide % kSide, position % kSide};
    for (std::size_t d = 0; d < D; ++d) {
      const double share =
          static_cast<double>(steps[d]) / static_cast<double>(kSide - 1);
      grid.push_back(low[d] + share * (high[d] - low[d]));
    }
  }
  return grid;
}

// Returns the density of points around each place of a grid.
std::vector<double> density(const std::vector<double>& grid,
                            const std::vector<double>& points, double width) {
  const auto N = static_cast<int64_t>(points.size()) / D;
  const double G = 0.5 / (width * width);
  // Each point has the same share of the total, 1.
  const double share = 1 / static_cast<double>(N) /
                       std::pow(std::sqrt(2 * std::numbers::pi) * width, D);
  const ArrayView weights = {
      .data = &share, .shape = {N, 1}, .strides = {0, 0}};
  const gramless::Options options = {.interrupt = [] {
    if (is_stopped != 0) throw std::runtime_error("stopped");
  }};
  std::vector<double> result(static_cast<std::size_t>(M));
  gramless::kernel_product(gramless::Kernel("gaussian(x,y)"),
                           {.x = {ArrayView::contiguous(grid, {M, D})},
                            .y = {ArrayView::contiguous(points, {N, D})},
                            .gamma = {{ArrayView::contiguous(&G, {1})}},
                            .b = {weights}},
                           MutableArrayView::contiguous(result, {M, 1}),
                           options);
  return result;
}

}  // namespace

int main(int count, char** values) try {
  if (count != 3) {
    throw std::runtime_error(
        "usage: density FILE WIDTH, such as points.csv 0.5");
  }
  const double width = parse_number(values[2]);
  if (!(width > 0)) throw std::runtime_error("expected a width above 0");
  std::signal(SIGINT, [](int) { is_stopped = 1; });
  const std::vector<double> points = read_points(values[1]);
  const std::vector<double> grid = make_grid(points);
  const std::vector<double> values_there = density(grid, points, width);
  std::printf("x,y,z,density\n");
  for (std::size_t k = 0; k < values_there.size(); ++k) {
    std::printf("%.17g,%.17g,%.17g,%.17g\n", grid[k * D], grid[k * D + 1],
                grid[k * D + 2], values_there[k]);
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "density: %s\n", error.what());
  return 1;
}
