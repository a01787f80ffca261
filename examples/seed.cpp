// SPDX-License-Identifier: MIT
// A kernel product and its derivatives, checked against plain loops.
#include <gramless/gramless.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <utility>
#include <vector>

namespace {

using gramless::ArrayView;
using gramless::MutableArrayView;
using Values = std::vector<double>;

constexpr int64_t M = 1000, N = 2000, D = 3, E = 2;
constexpr double sigma = 0.5, G = 0.5 / (sigma * sigma);

// Returns sin(phase + k²) for k = 0, 1, …, as examples/seed.py does.
Values wave(double phase, int64_t count) {
  Values values;
  for (int64_t k = 0; k < count; ++k) {
    values.push_back(std::sin(phase + static_cast<double>(k * k)));
  }
  return values;
}

// The result a, and the gradients of the sum of its elements.
struct Product {
  Values a = Values(M * E);
  Values x = Values(M * D), y = Values(N * D);
  Values sigma = Values(1), b = Values(N * E);
};

MutableArrayView writable(Values& values, std::vector<int64_t> shape) {
  return MutableArrayView::contiguous(values.data(), std::move(shape));
}

// Computes all of it with Gramless.
Product compute(const Values& x, const Values& y, const Values& b) {
  const gramless::Kernel kernel("gaussian(x,y)");
  const gramless::Arguments arguments = {
      .x = {ArrayView::contiguous(x.data(), {M, D})},
      .y = {ArrayView::contiguous(y.data(), {N, D})},
      .gamma = {{ArrayView::contiguous(&G, {1})}},
      .b = {ArrayView::contiguous(b.data(), {N, E})}};
  const auto product = gramless::ArrayFunction::of(kernel, arguments);
  Product out;
  std::vector<ArrayView> arrays = flatten(arguments);  // x, y, gamma, b
  product(arrays, std::vector{writable(out.a, {M, E})});

  const gramless::ArrayFunction gradient = product.vjp({0, 1, 2, 3});
  const Values ones(M * E, 1.0);  // The gradient of the sum of a in a.
  arrays.push_back(ArrayView::contiguous(ones.data(), {M, E}));
  gradient(arrays,
           std::vector{writable(out.x, {M, D}), writable(out.y, {N, D}),
                       writable(out.sigma, {1}), writable(out.b, {N, E})});
  out.sigma[0] *= -std::pow(sigma, -3);  // The derivative of G in sigma.
  std::printf("%s\n%s\n", product.explain(std::span(arrays).first(4)).c_str(),
              gradient.explain(arrays).c_str());
  return out;
}

// Computes the same with plain loops.
Product compute_plainly(const Values& x, const Values& y, const Values& b) {
  Product out;
  for (std::size_t i = 0; i < M; ++i) {
    for (std::size_t j = 0; j < N; ++j) {
      std::array<double, D> t;
      for (std::size_t d = 0; d < D; ++d) t[d] = x[i * D + d] - y[j * D + d];
      const double q = t[0] * t[0] + t[1] * t[1] + t[2] * t[2];
      const double k = std::exp(-G * q);
      for (std::size_t e = 0; e < E; ++e) {
        out.a[i * E + e] += k * b[j * E + e];
        out.b[j * E + e] += k;
      }
      const double k_b = k * (b[j * E] + b[j * E + 1]);
      for (std::size_t d = 0; d < D; ++d) {
        out.x[i * D + d] -= 2 * G * t[d] * k_b;
        out.y[j * D + d] += 2 * G * t[d] * k_b;
      }
      out.sigma[0] += q * k_b / std::pow(sigma, 3);
    }
  }
  return out;
}

// Prints the norm of an array; returns its largest deviation from another.
double report(const char* name, const Values& is, const Values& should) {
  double squares = 0, worst = 0;
  for (std::size_t k = 0; k < is.size(); ++k) {
    squares += is[k] * is[k];
    worst = std::max(worst, std::abs(is[k] - should[k]));
  }
  std::printf("  norm of %s: %.6f\n", name, std::sqrt(squares));
  return worst / std::sqrt(squares);
}

}  // namespace

int main() try {
  const Values x = wave(0, M * D), y = wave(1, N * D), b = wave(2, N * E);
  const Product out = compute(x, y, b), plain = compute_plainly(x, y, b);
  for (const std::size_t i : {0, 1, 999}) {
    std::printf("  a[%zu] = %.6f %.6f\n", i, out.a[i * E], out.a[i * E + 1]);
  }
  const double worst = std::max(
      {report("a", out.a, plain.a), report("the gradient in x", out.x, plain.x),
       report("the gradient in y", out.y, plain.y),
       report("the gradient in b", out.b, plain.b),
       report("the gradient in sigma", out.sigma, plain.sigma)});
  std::printf("  largest deviation from plain loops: %.1e\n", worst);
  return worst < 1e-12 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
