// SPDX-License-Identifier: MIT
// Tests what the names of other libraries mean here.
#include "gramless/formula/other_names.h"

#include <gtest/gtest.h>

namespace gramless {
namespace {

using Names = std::vector<std::string>;

const Names kAtoms = {"gaussian", "laplacian", "matern32", "matern52",
                      "rational_quadratic"};

TEST(OtherNames, AreFoundInAnyForm) {
  for (const char* name : {"rbf", "RBF", "rbf_kernel", "RBFKernel"}) {
    EXPECT_EQ(names_here(name, kAtoms), Names{"gaussian"}) << name;
  }
  EXPECT_EQ(names_here("RationalQuadratic", kAtoms),
            Names{"rational_quadratic"});
  EXPECT_EQ(names_here("laplacian_kernel", kAtoms), Names{"laplacian"});
}

TEST(OtherNames, CanMeanSeveralKernels) {
  EXPECT_EQ(names_here("matern", kAtoms),
            (Names{"laplacian", "matern32", "matern52"}));
  EXPECT_EQ(names_here("matern12", kAtoms), Names{"laplacian"});
}

TEST(OtherNames, MeanAtomsThatAreKnown) {
  EXPECT_EQ(names_here("matern", Names{"matern52"}), Names{"matern52"});
  EXPECT_EQ(names_here("rbf", Names{"laplacian"}), Names{});
  EXPECT_EQ(names_here("polynomial", kAtoms), Names{});
  EXPECT_EQ(names_here("polynomial", Names{"linear"}),
            Names{"(1 + linear(x,y))**3"});
}

TEST(OtherNames, AreWholeNames) {
  for (const char* name : {"", "_", "kernel", "rb", "rbfs", "mine"}) {
    EXPECT_EQ(names_here(name, kAtoms), Names{}) << name;
  }
}

}  // namespace
}  // namespace gramless
