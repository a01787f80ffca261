// SPDX-License-Identifier: MIT
// Tests that the key of generated code tells all that the code depends on.
#include "gramless/codegen/sweep_code.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "evaluate.h"
#include "gramless/codegen/module.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

/// Returns the programs of a product and of its derivative.
std::vector<Program> programs_of(const ParsedKernel& kernel,
                                 const Signature& signature) {
  const MapReduce product = build_kernel_product(kernel, signature);
  std::vector<std::size_t> all(product.arguments.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  std::vector<Program> programs;
  for (const MapReduce& each : {product, vjp(product, all, {0})}) {
    verify(each);
    for (Program& program :
         lower(expand(simplify(apply_log_domain(each, {}))))) {
      programs.push_back(std::move(program));
    }
  }
  return programs;
}

/// Generates code with short and with long axes unrolled, and expects that
/// programs of one key have the same.
class CodeByKey {
 public:
  void add(const Program& program) {
    const Target target = host_target();
    for (const int64_t longest : {0, 4, 16}) {
      TileShape shape =
          make_plan(program, {100, 100}, DType::float64, target.vector_bytes,
                    {.longest_unrolled = longest})
              .tile;
      shape.kept_unroll = shape.reduced_unroll = 1;
      const std::string code = to_text(generate_sweep(program, shape, target));
      const auto [known, is_new] =
          codes_.emplace(code_key(program, shape), code);
      if (!is_new) ++shared_;
      ASSERT_EQ(known->second, code) << known->first;
    }
  }

  [[nodiscard]] int shared() const { return shared_; }

 private:
  std::map<std::string, std::string> codes_;
  int shared_ = 0;
};

// The widths of two variables, of a gamma and of b.
const std::vector<std::vector<int64_t>> kWidths = {
    {3, 20, 1, 1},  {20, 3, 1, 1},  {20, 20, 1, 1},  {20, 30, 1, 1},
    {30, 20, 2, 1}, {2, 17, 65, 1}, {17, 65, 17, 1}, {65, 17, 2, 20},
    {3, 20, 65, 3}, {3, 65, 20, 3}, {1, 65, 17, 17}, {5, 4, 3, 2}};

TEST(SweepCode, IsOneForEachKeyOfNames) {
  const ParsedKernel kernel = parse_kernel("gaussian(x,y)*linear(u,v)");
  CodeByKey codes;
  for (const std::vector<int64_t>& widths : kWidths) {
    for (const int64_t metric : {int64_t{1}, widths[0]}) {
      const std::vector<int64_t> columns = {widths[0], widths[1]};
      const Signature signature{
          Mode::sum,
          {columns, columns, {{metric, PairIndex::none}, {}}},
          widths[3]};
      for (const Program& program : programs_of(kernel, signature)) {
        codes.add(program);
      }
    }
  }
  EXPECT_GT(codes.shared(), 30);
}

TEST(SweepCode, IsOneForEachKeyOfFormulas) {
  CodeByKey codes;
  for (const char* formula :
       {"Sum(X_0)*Sum(Y_0) + Sum(G_0)",
        "Sum(Sin(X_0)*Sum(Cos(Y_0)*Sum(G_0*Sum(X_0))))"}) {
    const ParsedKernel kernel = parse_kernel(OwnFormula{"", formula, "", ""});
    for (const std::vector<int64_t>& widths : kWidths) {
      const Signature signature{
          Mode::sum,
          {{widths[0]}, {widths[1]}, {{widths[2], PairIndex::none}}},
          widths[3]};
      for (const Program& program : programs_of(kernel, signature)) {
        codes.add(program);
      }
    }
  }
}

}  // namespace
}  // namespace gramless
