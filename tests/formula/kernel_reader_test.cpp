// SPDX-License-Identifier: MIT
// Tests kernel names: structure, and the whole text of each refusal.
#include "gramless/formula/parsed_kernel.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "gramless/error.h"

namespace gramless {
namespace {

std::string message_of(
    const std::string& name,
    const std::vector<OwnFormula>& atoms = catalogue_atoms()) {
  try {
    parse_kernel(name, atoms);
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(KernelReader, RefusesWithTheTextsInTheFile) {
  std::ifstream file("formula/kernel_errors.txt");
  ASSERT_TRUE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  std::string all = text.str();
  int cases = 0;
  for (std::size_t at = all.find("====\n"); at != std::string::npos;) {
    const std::size_t begin = at + 5;
    const std::size_t middle = all.find("\n----\n", begin);
    at = all.find("\n====\n", middle);
    const std::size_t end = at == std::string::npos ? all.size() - 1 : at;
    if (at != std::string::npos) ++at;
    const std::string name = all.substr(begin, middle - begin);
    EXPECT_EQ(message_of(name), all.substr(middle + 6, end - middle - 6));
    ++cases;
  }
  EXPECT_GE(cases, 40);
}

TEST(KernelReader, SharesTheStructureOfEqualKernels) {
  const auto structure = [](const std::string& name) {
    return parse_kernel(name).digest();
  };
  EXPECT_EQ(structure("gaussian(x,y)*linear(u,v)**2.0"),
            structure(" gaussian( p , q ) * linear(a,b) ** 2 "));
  EXPECT_NE(structure("gaussian(x,y)*linear(x,y)"),
            structure("gaussian(x,y)*linear(u,v)"));
  EXPECT_NE(structure("-cauchy(x,y)**2"), structure("(-cauchy(x,y))**2"));
}

TEST(KernelReader, CountsSlotsAndPairsInReadingOrder) {
  const ParsedKernel kernel =
      parse_kernel("cauchy(x,y) + gaussian(x,y) * (1 + cauchy(u,v)**2)");
  ASSERT_EQ(kernel.atoms.size(), 3U);
  EXPECT_EQ(kernel.atoms[1].atom->name, "gaussian");
  EXPECT_EQ(kernel.atoms[2].pair, 1U);
  ASSERT_EQ(kernel.pairs.size(), 2U);
  EXPECT_EQ(kernel.pairs[1].first, "u");
}

TEST(KernelReader, ReadsNamesOfTheGivenAtoms) {
  const std::vector<OwnFormula> atoms = {{"rbf", "", "", "gaussian"},
                                         {"f", "({X}|{Y})", "", ""},
                                         {"cauchy", "", "", "laplacian"}};
  const ParsedKernel kernel = parse_kernel("rbf(x,y) + cauchy(x,y)", atoms);
  EXPECT_EQ(kernel.digest(),
            parse_kernel("gaussian(x,y) + laplacian(x,y)").digest());
  EXPECT_EQ(kernel.slots[0].atom, "rbf");
  EXPECT_EQ(kernel.atoms[0].atom->name, "gaussian");
  EXPECT_EQ(message_of("gaussian(x,y)", atoms),
            "Kernel(): expected the name of an atom, got 'gaussian' at column "
            "1. Known: rbf, f, cauchy.\n  gaussian(x,y)\n  ^^^^^^^^");
  EXPECT_EQ(message_of("gaussian(x,y)", {}),
            "Kernel(): expected the name of an atom, got 'gaussian' at column "
            "1.\n  gaussian(x,y)\n  ^^^^^^^^");
  EXPECT_EQ(message_of("f(x,y)", {{"f", "", "", "rbf"}}),
            "Kernel(): expected the name of an atom of the catalogue, got "
            "'rbf'.");
}

TEST(KernelReader, TakesTheLastOfTheAtomsWithOneName) {
  std::vector<OwnFormula> atoms = catalogue_atoms();
  atoms.push_back({"gaussian", "", "", "cauchy"});
  EXPECT_EQ(parse_kernel("gaussian(x,y)", atoms).digest(),
            parse_kernel("cauchy(x,y)").digest());
}

TEST(KernelReader, RefusesHostileNamesAtOnce) {
  EXPECT_NE(message_of(std::string(1000000, '(')).find("at most 20000"),
            std::string::npos);
  EXPECT_NE(message_of(std::string(5000, '(')).find("nested"),
            std::string::npos);
  EXPECT_NE(message_of(std::string(5000, '-') + "1").find("nested"),
            std::string::npos);
  std::string terms = "1";
  for (int k = 0; k < 2000; ++k) terms += "+1";
  EXPECT_NE(message_of(terms).find("at most 1000"), std::string::npos);
}

}  // namespace
}  // namespace gramless
