// SPDX-License-Identifier: MIT
// A program that uses the installed library.
#include <gramless/gramless.h>

#include <cmath>

int main() {
  using namespace gramless;
  const double x = 1;
  const double y = 3;
  const double b = 2;
  double a = 0;
  kernel_product(Kernel("laplacian(x,y)"),
                 {{ArrayView::contiguous(&x, {1, 1})},
                  {ArrayView::contiguous(&y, {1, 1})},
                  {{ArrayView::contiguous(&x, {1})}},
                  {ArrayView::contiguous(&b, {1, 1})}},
                 MutableArrayView::contiguous(&a, {1, 1}));
  return std::abs(a - 2 * std::exp(-2)) < 1e-15 ? 0 : 1;
}
