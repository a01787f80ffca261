// SPDX-License-Identifier: MIT
// Finds the place x of least energy E(x) = sum_j b_j sqrt(1 + G |x - y_j|^2)
// between N points, by Newton's method. The gradient of E is a derivative of a
// kernel product, and its Hessian a derivative of that.
#include <gramless/gramless.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <vector>

namespace {

using gramless::ArrayView;
using gramless::MutableArrayView;

constexpr int64_t N = 20000, D = 3;
constexpr double G = 25;
using Vector = std::array<double, D>;
using Matrix = std::array<Vector, D>;

struct Points {
  std::vector<double> y, b;
};

// Returns points on waves, as the test of this program makes them too.
Points make_points() {
  Points points;
  for (int64_t j = 0; j < N; ++j) {
    for (int64_t d = 0; d < D; ++d) {
      const auto k = static_cast<double>(j * D + d);
      points.y.push_back(std::sin(k * k) + std::cos(k));
    }
    points.b.push_back(1.5 + std::sin(static_cast<double>(j)));
  }
  return points;
}

// The energy, and its derivatives at a place.
class Energy {
 public:
  explicit Energy(const Points& points)
      : y_(ArrayView::contiguous(points.y, {N, D})),
        b_(ArrayView::contiguous(points.b, {N, 1})),
        energy_(gramless::ArrayFunction::of(
            gramless::Kernel("multiquadric(x,y)"),
            {.x = {y_}, .y = {y_}, .gamma = {{gamma_}}, .b = {b_}})),
        gradient_(energy_.vjp({energy_.position_of("x0")})),
        hessian_(gradient_.vjp({gradient_.position_of("x0")})) {}

  [[nodiscard]] double value(const Vector& x) const {
    double result = 0;
    energy_(std::vector{ArrayView::contiguous(x, {1, D}), y_, gamma_, b_},
            std::vector{MutableArrayView::contiguous(&result, {1, 1})});
    return result;
  }

  [[nodiscard]] Vector gradient(const Vector& x) const {
    Vector result;
    gradient_(
        std::vector{ArrayView::contiguous(x, {1, D}), y_, gamma_, b_, one_},
        std::vector{MutableArrayView::contiguous(result, {1, D})});
    return result;
  }

  // Returns H e_d in row d, for D copies of x at once: each row of an argument
  // with i is a problem of its own.
  [[nodiscard]] Matrix hessian(const Vector& x) const {
    constexpr Matrix unit = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    const ArrayView copies = {
        .data = x.data(), .shape = {D, D}, .strides = {0, 1}};
    const ArrayView ones = {
        .data = one_.data, .shape = {D, 1}, .strides = {0, 0}};
    Matrix result;
    hessian_(
        std::vector{copies, y_, gamma_, b_, ones,
                    ArrayView::contiguous(unit[0].data(), {D, D})},
        std::vector{MutableArrayView::contiguous(result[0].data(), {D, D})});
    return result;
  }

 private:
  static constexpr double kOne = 1, kG = G;
  ArrayView y_, b_;
  ArrayView gamma_ = ArrayView::contiguous(&kG, {1});
  ArrayView one_ = ArrayView::contiguous(&kOne, {1, 1});
  gramless::ArrayFunction energy_, gradient_, hessian_;
};

// Solves a x = b for a symmetric positive definite matrix, by Cramer's rule.
Vector solve(const Matrix& a, const Vector& b) {
  const auto cofactor = [&](std::size_t r, std::size_t c) {
    const std::size_t r1 = (r + 1) % D, r2 = (r + 2) % D;
    const std::size_t c1 = (c + 1) % D, c2 = (c + 2) % D;
    return a[r1][c1] * a[r2][c2] - a[r1][c2] * a[r2][c1];
  };
  double determinant = 0;
  for (std::size_t c = 0; c < D; ++c) determinant += a[0][c] * cofactor(0, c);
  Vector x = {};
  for (std::size_t c = 0; c < D; ++c) {
    for (std::size_t r = 0; r < D; ++r) x[c] += b[r] * cofactor(r, c);
    x[c] /= determinant;
  }
  return x;
}

double norm(const Vector& x) { return std::hypot(x[0], x[1], x[2]); }

}  // namespace

int main() try {
  const Points points = make_points();
  const Energy energy(points);
  Vector x = {1, 1, 1};
  for (int step = 0; step < 50; ++step) {
    const double value = energy.value(x);
    const Vector gradient = energy.gradient(x);
    std::printf("step %d: energy %.17g, gradient %.3e\n", step, value,
                norm(gradient));
    // Rounding leaves about 1e-16 of the sum of the terms, N * G^(1/2).
    if (norm(gradient) < 1e-9) {
      std::printf("x = %.17g %.17g %.17g\n", x[0], x[1], x[2]);
      return 0;
    }
    const Vector direction = solve(energy.hessian(x), gradient);
    // E is convex: a step that is short enough makes it smaller.
    Vector next;
    for (double length = 1; length > 1e-6; length /= 2) {
      for (std::size_t d = 0; d < D; ++d)
        next[d] = x[d] - length * direction[d];
      if (energy.value(next) <= value) break;
    }
    x = next;
  }
  throw std::runtime_error("no minimum after 50 steps");
} catch (const std::exception& error) {
  std::fprintf(stderr, "newton: %s\n", error.what());
  return 1;
}
