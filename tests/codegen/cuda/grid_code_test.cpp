// SPDX-License-Identifier: MIT
// Tests the kernels of grids, which the CPU runs: on random kernels, formulas
// and values, against bounds of what they mean.
#include "gramless/codegen/cuda/grid_code.h"

#include <gtest/gtest.h>

#include "codegen/cuda/emulated_grid.h"
#include "fuzz/running.h"
#include "fuzz/signatures.h"
#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless::testing {
namespace {

constexpr std::array kGrids = {run_on_grid, run_on_few_blocks, run_on_warps};

using DrawSignature = Signature (*)(Draw&, const ParsedKernel&);

/// Draws modes, widths, sizes and values for a kernel, several times, and runs
/// it with a derivative and a second one, on each kind of grid. Widths may not
/// fit a formula.
void expect_right(const std::string& name, const Kernel& kernel,
                  DrawSignature draw_signature) {
  constexpr int kDraws = 9;
  for (int k = 0; k < kDraws; ++k) {
    const std::string text = concat(name, " ", k);
    Draw draw(text);
    const Signature signature = draw_signature(draw, kernel.parsed());
    const RunProgram grid = kGrids.at(static_cast<std::size_t>(k) % 3);
    try {
      check_running(draw, kernel, signature, {.engine = grid});
    } catch (const UnsupportedError&) {
    } catch (const ArgumentError&) {
    } catch (const std::exception& error) {
      FAIL() << text << ": " << to_text(signature) << ": " << error.what();
    }
  }
}

TEST(GridCode, ComputesKernels) {
  const int64_t before = emulated_sweeps();
  for (const char* name :
       {"gaussian(x,y)", "laplacian(x,y)", "cauchy(x,y)",
        "inverse_multiquadric(x,y)", "multiquadric(x,y)", "distance(x,y)",
        "rational_quadratic(x,y)", "matern32(x,y)", "matern52(x,y)",
        "linear(x,y)", "binet(x,y)", "gaussian_oriented(x,y)",
        "gaussian_unoriented(x,y)", "periodic(x,y)",
        "gaussian(x,y)*linear(u,v)**2", "cauchy(x,y) - distance(u,v)**1.5",
        "1/(1 + cauchy(x,y)**2)", "laplacian(x,y)*linear(x,y)"}) {
    expect_right(name, Kernel(name), draw_signature_of_name);
  }
  EXPECT_GT(emulated_sweeps() - before, 400);
}

TEST(GridCode, ComputesFormulas) {
  const int64_t before = emulated_sweeps();
  for (const char* formula :
       {"Exp(-WeightedSqDist(G_0, X_0, Y_0))", "Norm2(X_0 - Y_0)**3",
        "Max(X_0*Y_0) - Min(X_0 + Y_0)",
        "Sum(MatVecMult(G_0, X_0)) * Sum(VecMatMult(Y_0, G_0))",
        "Sum(IfElse(X_0 - Y_0, Sin(X_0), Cos(Y_0)))",
        "Log(1 + Square((X_0|Y_0))) / (2 - Inv(Exp(-Abs(Elem(X_0,0)))))",
        "SinXDivX(Norm2(X_0)) + Atan2(Elem(X_0,0), Elem(Y_0,0))",
        "Sum(Round(X_0, 2)) + Sum(Mod(X_0, 2, 1)) + Sum(Pow(Y_0, -2))",
        "Sum(Clamp(X_0, -1, 1)) + ReLU(Elem(Y_0,0)) + XLogX(SqNorm2(X_0))"}) {
    expect_right(formula, Kernel(OwnFormula{"", formula, "", ""}),
                 draw_signature_of_formula);
  }
  EXPECT_GT(emulated_sweeps() - before, 150);
}

/// All widths with all sizes are many: each width meets some sizes.
TEST(GridCode, ComputesAllWidthsAndSizes) {
  const int64_t before = emulated_sweeps();
  constexpr std::array<int64_t, 7> kSizes = {0, 1, 2, 31, 33, 200, 1000};
  const Kernel kernel("gaussian(x,y)");
  std::size_t draws = 0;
  for (const int64_t D : {1, 2, 3, 10, 100}) {
    for (const int64_t E : {1, 3, 64}) {
      for (const Mode mode : {Mode::sum, Mode::lse}) {
        for (const DType dtype : {DType::float32, DType::float64}) {
          const Signature signature{
              mode, {{D}, {D}, {{1, PairIndex::none}}}, E};
          const std::string text =
              concat(to_text(signature), dtype_name(dtype));
          Draw draw(text);
          const Sizes sizes{kSizes.at(draw.below(7)), kSizes.at(draw.below(6))};
          const RunProgram grid = kGrids.at(draws++ % 3);
          ASSERT_NO_THROW(
              check_running(draw, kernel, signature, {grid, sizes, dtype}))
              << text << ", M " << sizes.M << ", N " << sizes.N;
        }
      }
    }
  }
  EXPECT_GT(emulated_sweeps() - before, 150);
}

}  // namespace
}  // namespace gramless::testing
