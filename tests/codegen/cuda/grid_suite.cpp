// SPDX-License-Identifier: MIT
// Lists the cases of the suite.
#include "codegen/cuda/grid_suite.h"

#include <cctype>

namespace gramless::testing {

void GridSuite::SetUp() {
  const std::string problem = executor().problem();
  if (!problem.empty()) GTEST_SKIP() << problem;
  before_ = executor().sweeps();
}

std::vector<std::string> grid_cases(GridTexts texts) {
  switch (texts) {
    case GridTexts::kernels:
      return {"gaussian(x,y)",
              "laplacian(x,y)",
              "cauchy(x,y)",
              "inverse_multiquadric(x,y)",
              "multiquadric(x,y)",
              "distance(x,y)",
              "rational_quadratic(x,y)",
              "matern32(x,y)",
              "matern52(x,y)",
              "linear(x,y)",
              "binet(x,y)",
              "gaussian_oriented(x,y)",
              "gaussian_unoriented(x,y)",
              "periodic(x,y)",
              "gaussian(x,y)*linear(u,v)**2",
              "cauchy(x,y) - distance(u,v)**1.5",
              "1/(1 + cauchy(x,y)**2)",
              "laplacian(x,y)*linear(x,y)"};
    case GridTexts::formulas:
      return {"Exp(-WeightedSqDist(G_0, X_0, Y_0))",
              "Norm2(X_0 - Y_0)**3",
              "Max(X_0*Y_0) - Min(X_0 + Y_0)",
              "Sum(MatVecMult(G_0, X_0)) * Sum(VecMatMult(Y_0, G_0))",
              "Sum(IfElse(X_0 - Y_0, Sin(X_0), Cos(Y_0)))",
              "Log(1 + Square((X_0|Y_0))) / (2 - Inv(Exp(-Abs(Elem(X_0,0)))))",
              "SinXDivX(Norm2(X_0)) + Atan2(Elem(X_0,0), Elem(Y_0,0))",
              "Sum(Round(X_0, 2)) + Sum(Mod(X_0, 2, 1)) + Sum(Pow(Y_0, -2))",
              "Sum(Clamp(X_0, -1, 1)) + ReLU(Elem(Y_0,0)) + "
              "XLogX(SqNorm2(X_0))"};
    case GridTexts::widths:
      return {"1", "2", "3", "10", "100"};
    case GridTexts::batches:
      return {"gaussian(x,y)",           "laplacian(x,y)",
              "cauchy(x,y)*linear(u,v)", "matern32(x,y)",
              "rational_quadratic(x,y)", "1/(1 + cauchy(x,y)**2)"};
    case GridTexts::none:
      return {""};
  }
  return {};
}

std::string case_name(const ::testing::TestParamInfo<GridCase>& info) {
  std::string name;
  for (const char letter : std::get<std::string>(info.param)) {
    const bool is_part = std::isalnum(static_cast<unsigned char>(letter)) != 0;
    if (is_part) {
      name += letter;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  return name.empty() ? "all" : name;
}

}  // namespace gramless::testing
