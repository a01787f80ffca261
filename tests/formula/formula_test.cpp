// SPDX-License-Identifier: MIT
// Tests formulas that calls make: they are those of their texts.
#include "gramless/formula.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gramless/call.h"
#include "gramless/error.h"

namespace gramless {
namespace {

const char* const kGaussian = "Exp(-G_0*(X_0 - Y_0|X_0 - Y_0))/2";

Formula gaussian() {
  const Formula r = Formula::x(0) - Formula::y(0);
  return Formula::call("Exp", {-Formula::g(0) * dot(r, r)}) / 2;
}

TEST(Formula, OfCallsIsThatOfItsText) {
  const Formula f = gaussian();
  EXPECT_EQ(f.text(), kGaussian);
  EXPECT_EQ(f, Formula::read(kGaussian));
  EXPECT_EQ(f.digest(), Formula::read(f.text()).digest());
  EXPECT_NE(f.digest(), (gaussian() / 2).digest());
  EXPECT_NE(f, Formula::read("Exp(-G_0*(X_0 - Y_0|X_0 - Y_0))/3"));
}

TEST(Formula, KeepsItsOrderInItsText) {
  const Formula x = Formula::x(0);
  const Formula y = Formula::y(0);
  for (const Formula& f :
       {x - (y - 1), (x - y) - 1, x / (y * 2), -power(x, 2), power(-x, 2),
        x * -y, -(x + y) * 2, power(power(x, 0.5), -3), x - -2.0,
        power(Formula(-2.0), 2), Formula(1e300) + x, (x + y) * (x - y),
        Formula::call("Clamp", {x, -1, y + 1e-7}), dot(x + y, -x)}) {
    EXPECT_EQ(Formula::read(f.text()), f) << f.text();
  }
}

TEST(Formula, HasTheFunctionOfItsText) {
  const std::vector<double> x = {1, 2, 0};
  const std::vector<double> y = {0, 1, 0.5, 3, 0, 2};
  const std::vector<double> g = {0.25};
  const std::vector<double> b = {1, -2};
  const Arguments arguments{{ArrayView::contiguous(x.data(), {1, 3})},
                            {ArrayView::contiguous(y.data(), {2, 3})},
                            {{ArrayView::contiguous(g.data(), {1})}},
                            {ArrayView::contiguous(b.data(), {2, 1})}};
  const Kernel of_calls(gaussian());
  const Kernel of_text(OwnFormula{"", kGaussian, "", ""});
  EXPECT_EQ(of_calls, of_text);
  std::vector<double> results;
  for (const Kernel& kernel : {of_calls, of_text}) {
    double& a = results.emplace_back();
    kernel_product(kernel, arguments, MutableArrayView::contiguous(&a, {1, 1}));
  }
  EXPECT_EQ(results[0], results[1]);
  // q is 1 + 1 + 0.25 and 4 + 4 + 4.
  EXPECT_NEAR(results[0], std::exp(-0.25 * 2.25) / 2 - std::exp(-0.25 * 12),
              1e-15);
  EXPECT_EQ(&ArrayFunction::of(of_calls, arguments).state(),
            &ArrayFunction::of(of_text, arguments).state());
}

template <class Make>
void expect_refused(const std::string& message, Make make) {
  try {
    make();
    FAIL() << "accepted: " << message;
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.what(), "Formula(): expected " + message);
  }
}

TEST(Formula, IsRefusedWhenItIsMade) {
  const Formula x = Formula::x(0);
  expect_refused("the name of an operator, got 'Exq'. Did you mean 'Exp'?",
                 [&] { Formula::call("Exq", {x}); });
  expect_refused("2 operands of 'SqDist', got 1.",
                 [&] { Formula::call("SqDist", {x}); });
  expect_refused("a finite number, got inf.",
                 [&] { return x + std::numeric_limits<double>::infinity(); });
  expect_refused("at most 1000 numbers and names, got more.", [&] {
    Formula sum = x;
    while (true) sum = sum + x;
  });
  expect_refused("at most 100 nested operators, got more.", [&] {
    Formula f = x;
    while (true) f = -f;
  });
}

}  // namespace
}  // namespace gramless
