// SPDX-License-Identifier: MIT
// Tests formulas that calls make: they are those of their texts.
#include "gramless/formula.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <utility>

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

TEST(Formula, HasOneNodeForEachWayToWriteIt) {
  for (const auto& [one, other] : {std::pair{"X_0 + 1", "Add(X_0,1)"},
                                   {"(X_0|Y_0)", " Scalprod( X_0, Y_0 )"},
                                   {"X_0**-2", "Pow(X_0, -2)"},
                                   {"-X_0/Y_0", "Divide(Minus(X_0), Y_0)"}}) {
    EXPECT_EQ(Formula::read(one), Formula::read(other)) << one;
    EXPECT_EQ(Formula::read(other).text(), Formula::read(one).text());
  }
}

// Each change of one node, and each exchange of two operands, is seen.
TEST(Formula, DigestsTellFormulasApart) {
  const std::vector<std::string> texts = {"X_0 - Y_0",
                                          "Y_0 - X_0",
                                          "X_0 - Y_1",
                                          "X_0 - (Y_0 - 1)",
                                          "(X_0 - Y_0) - 1",
                                          "X_0 + -Y_0",
                                          "X_0**2",
                                          "X_0**3",
                                          "X_0*X_0",
                                          "Elem(X_0, 0)",
                                          "Elem(X_0, 1)",
                                          "Exp(X_0)",
                                          "Exp(X_0)*1",
                                          "Exp(X_0)*0",
                                          "Exp(X_0)*-0",
                                          "Exp(X_0)*1e-300",
                                          "IfElse(X_0, 1, 2)",
                                          "IfElse(X_0, 2, 1)",
                                          "G_0*(X_0 + Y_0)",
                                          "G_0*X_0 + Y_0",
                                          "G_1*(X_0 + Y_0)"};
  std::set<Digest> digests;
  for (const std::string& text : texts) {
    digests.insert(Formula::read(text).digest());
    digests.insert(Kernel(OwnFormula{"", text, "", ""}).digest());
    digests.insert(Kernel(OwnFormula{"", "", text, ""}).digest());
  }
  EXPECT_EQ(digests.size(), 3 * texts.size());
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

// Formulas of calls have no text of their own: messages show the one that reads
// as they do, with a caret under the node.
TEST(Formula, IsShownInMessagesAboutWidths) {
  const std::vector<double> row = {1, 2, 0};
  const std::vector<double> b = {1};
  const Formula x = Formula::x(0);
  const Formula r = x - Formula::y(0);
  const Arguments arguments{{ArrayView::contiguous(row.data(), {1, 3})},
                            {ArrayView::contiguous(row.data(), {1, 3})},
                            {},
                            {ArrayView::contiguous(b.data(), {1, 1})}};
  double a = 0;
  try {
    kernel_product(Kernel(dot(r, r) + Formula::call("Elem", {x, 3}) * 2),
                   arguments, MutableArrayView::contiguous(&a, {1, 1}));
    FAIL() << "accepted";
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(),
                 "kernel_product(): expected a number between 0 and 2 in "
                 "'Elem', got 3 at column 35.\n"
                 "  (X_0 - Y_0|X_0 - Y_0) + Elem(X_0, 3)*2\n"
                 "                                    ^");
  }
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
  expect_refused("an integer as an operand of 'Elem'.",
                 [&] { Formula::call("Elem", {x, 0.5}); });
  expect_refused("a variable as an operand of 'Grad'.",
                 [&] { Formula::call("Grad", {x, x + 1, x}); });
  expect_refused("an exponent between -1024 and 1024, got 1025.",
                 [&] { return power(x, 1025); });
  expect_refused("the number of an argument, up to 99, got 100.",
                 [&] { Formula::x(100); });
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
