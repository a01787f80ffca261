// SPDX-License-Identifier: MIT
// Tests that programs are read back as they were printed.
#include "gramless/ir/reader.h"

#include <gtest/gtest.h>

#include "evaluate.h"
#include "gramless/error.h"
#include "gramless/ir/printer.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

// The order of terms is not part of the text's meaning, so values are compared.
TEST(Reader, ReadsBackWhatWasPrinted) {
  for (const std::string& name : testing::sample_kernels()) {
    for (const Metric metric :
         {Metric::scalar, Metric::diagonal, Metric::full}) {
      MapReduce product = testing::product_of(name, metric);
      for (int order = 0; order < 3; ++order) {
        const std::string text = to_text(product);
        const MapReduce again = read_map_reduce(text);
        verify(again);
        testing::Data data{1, 2, {}};
        testing::fill(data, product, 3);
        testing::expect_close(testing::evaluate(again, data),
                              testing::evaluate(product, data), 1e-12, text);
        product = simplify(vjp(product, {0, 1}, {0}));
      }
    }
  }
}

TEST(Reader, PrintsInAReadableForm) {
  EXPECT_EQ(to_text(testing::product_of("gaussian(x,y)", Metric::diagonal)),
            "arguments x0[i,d:3] y0[j,d:3] g0[d:3] b[j,e:2]\n"
            "a[i,e:2] = sum_j(b[j,e]*exp(-sum(d, g0[d]*(x0[i,d] - "
            "y0[j,d])**2)))\n");
}

TEST(Reader, KeepsPrecedence) {
  ExprPool pool;
  Names names;
  for (const char* name : {"a", "b"}) names.values[name] = pool.load(name, {});
  const testing::Lookup lookup = [](const std::string& name,
                                    const std::vector<int64_t>&) {
    return name == "a" ? 3.0 : 5.0;
  };
  const std::vector<std::pair<std::string, double>> cases = {
      {"a - b - 1", -3},        {"a - (b - 1)", -1}, {"a/b/2", 0.3},
      {"a/(b/2)", 1.2},         {"-a**2", -9},       {"(-a)**2", 9},
      {"2*a**-1", 2.0 / 3},     {"a*-b", -15},       {"--a", 3},
      {"sqrt(a + 1)*b", 10},    {"(a + 1)**0.5", 2}, {"rsqrt(a + 1)", 0.5},
      {"power0(a - 3, -1)", 0}, {"a + -b*2", -7},    {"1e1*a", 30},
      {"(a + b)*(a - b)", -16}};
  for (const auto& [text, value] : cases) {
    const Expr expr = read_expr(pool, text, names);
    EXPECT_DOUBLE_EQ(testing::evaluate(expr, lookup), value) << text;
    EXPECT_DOUBLE_EQ(
        testing::evaluate(read_expr(pool, to_text(expr), names), lookup), value)
        << to_text(expr);
  }
}

TEST(Reader, RefusesWhatIsNotAProgram) {
  const std::string head = "arguments x0[i,d:3] b[j,e:2]\n";
  for (const std::string& text :
       {head + "a[i,e:2] = sum_j(c[j,e])\n",
        head + "a[i,e:2] = sum_k(b[j,e])\n", head + "a[i,e:2] sum_j(b[j,e])\n",
        head + "a[i,e:2] = sum_j(foo(b[j,e]))\n",
        head + "a[i,e:2] = sum_j(sum(f, b[j,e]))\n",
        head + "a[i,e:two] = sum_j(b[j,e])\n"}) {
    EXPECT_THROW(verify(read_map_reduce(text)), Error) << text;
  }
}

}  // namespace
}  // namespace gramless
