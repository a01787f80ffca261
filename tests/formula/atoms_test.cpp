// SPDX-License-Identifier: MIT
// Tests the rows of atoms: all of their formulas say the same.
#include "gramless/formula/atoms.h"

#include <gtest/gtest.h>

#include "evaluate.h"
#include "gramless/error.h"

namespace gramless {
namespace {

TEST(Atoms, FormulasOfARowAgree) {
  for (const AtomRow& row : atom_table()) {
    const std::string sum(row.formula);
    const std::string log(row.log_formula);
    const MapReduce atom =
        testing::product_of(std::string(row.name) + "(x,y)", Metric::scalar);
    testing::Data data{4, 5, {}};
    testing::fill(data, atom, 1);
    for (const OwnFormula& formula :
         {OwnFormula{"f", sum, "", ""}, OwnFormula{"f", "", log, ""}}) {
      const ParsedKernel kernel = parse_kernel("f(x,y)", {formula});
      EXPECT_EQ(kernel.slots.size(), row.parameters.size()) << row.name;
      testing::expect_close(
          testing::evaluate(testing::product_of(kernel, Metric::scalar), data),
          testing::evaluate(atom, data), 1e-13, formula.sum + formula.log);
    }
  }
}

TEST(Atoms, OnlyTheEngineHasItsFunctions) {
  EXPECT_THROW(parse_kernel(OwnFormula{"", "Laplacian(X_0)", "", ""}),
               ArgumentError);
}

}  // namespace
}  // namespace gramless
