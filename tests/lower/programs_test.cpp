// SPDX-License-Identifier: MIT
// Tests programs as texts, with the operations of each rate. GRAMLESS_UPDATE=1
// in the environment rewrites the file: read the difference before you commit
// it.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "golden.h"
#include "gramless/base/text.h"
#include "gramless/call/build.h"
#include "gramless/lower/program.h"
#include "gramless/plan/sweeps.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

constexpr const char* kFile = "lower/programs.txt";
constexpr int64_t kSignal = 1;

/// A line such as `gaussian(x,y); 3; full; gradient`: a name or a formula, the
/// columns of points, the form of the gammas, and what is computed: the
/// product, its gradients by all arguments, or by the points alone.
struct Case {
  explicit Case(const std::string& line) {
    std::istringstream stream(line);
    const auto field = [&] {
      std::string text;
      std::getline(stream >> std::ws, text, ';');
      return text;
    };
    kernel = field();
    columns = std::stoll(field());
    form = field();
    result = field();
  }

  std::string kernel;
  int64_t columns = 0;
  std::string form;
  std::string result;
};

GammaForm gamma_of(const GammaSlot& slot, const Case& given) {
  const int64_t square = given.columns * given.columns;
  if (slot.parameter == Parameter::none) return {};
  const bool is_full =
      given.form == "full" && slot.parameter != Parameter::scalar;
  return {is_full ? square : 1, PairIndex::none};
}

MapReduce build(const Case& given) {
  const bool is_formula = given.kernel.find("X_0") != std::string::npos;
  const ParsedKernel kernel =
      is_formula ? parse_kernel(OwnFormula{{}, given.kernel, {}, {}})
                 : parse_kernel(given.kernel);
  Signature signature{Mode::sum, {}, kSignal};
  signature.kernel.x_widths.assign(kernel.x_count, given.columns);
  signature.kernel.y_widths.assign(kernel.y_count, given.columns);
  for (const GammaSlot& slot : kernel.slots) {
    signature.kernel.gammas.push_back(gamma_of(slot, given));
  }
  MapReduce product = build_kernel_product(kernel, signature);
  if (given.result == "product") return product;
  std::vector<std::size_t> wrt;
  for (std::size_t k = 0; k < product.arguments.size(); ++k) {
    const bool is_x = product.arguments[k].name.starts_with('x');
    if (given.result == "gradient" || is_x) wrt.push_back(k);
  }
  return vjp(product, wrt, {0});
}

std::vector<Program> programs_of(const Case& given) {
  std::vector<Program> programs;
  for (const SweepWays& ways :
       plan_sweeps(expand(simplify(apply_log_domain(build(given), {}))))) {
    programs.push_back(ways.front());
  }
  return programs;
}

std::string text_of(const Case& given) {
  std::string text;
  for (const Program& program : programs_of(given)) {
    text += to_text(program);
    text += concat("  operations: ", operations(program, Rate::call),
                   " per call, ", operations(program, Rate::row), " per row, ",
                   operations(program, Rate::column), " per column, ",
                   operations(program, Rate::pair), " per pair\n");
  }
  return text;
}

TEST(Programs, AreThoseInTheFile) {
  testing::expect_texts_of(
      kFile, 8, [](const std::string& line) { return text_of(Case(line)); });
}

/// Returns the product of `count` different factors.
std::string product_of_factors(int count) {
  std::string name;
  for (int k = 0; k < count; ++k) {
    name += concat(k > 0 ? " * " : "", "(1 + linear(x", k, ",y", k, "))");
  }
  return name;
}

int64_t operations_per_pair(const std::string& kernel, const char* result) {
  int64_t total = 0;
  for (const Program& program :
       programs_of(Case(concat(kernel, "; 1; scalar; ", result)))) {
    total += operations(program, Rate::pair);
  }
  return total;
}

TEST(Programs, DifferentiateAProductOfManyFactorsInAFewTimesItsCost) {
  for (const int count : {2, 3, 5, 8, 16, 40}) {
    const std::string kernel = product_of_factors(count);
    const auto forward =
        static_cast<double>(operations_per_pair(kernel, "product"));
    const auto gradient =
        static_cast<double>(operations_per_pair(kernel, "gradient of x"));
    RecordProperty("ratio", std::to_string(gradient / forward));
    EXPECT_LE(gradient, 3.5 * forward) << count << " factors";
  }
}

TEST(Programs, IndexTheMatrixOfAFormulaAsThatOfAnAtom) {
  for (const char* metric : {"(X_0 - Y_0|MatVecMult(G_0, X_0 - Y_0))",
                             "(VecMatMult(X_0 - Y_0, G_0)|X_0 - Y_0)",
                             "WeightedSqNorm(G_0, X_0 - Y_0)"}) {
    for (const char* result : {"product", "gradient"}) {
      const auto formula =
          programs_of(Case(concat("Exp(-", metric, "); 20; full; ", result)));
      const auto atom =
          programs_of(Case(concat("gaussian(x,y); 20; full; ", result)));
      ASSERT_EQ(formula.size(), atom.size());
      for (std::size_t k = 0; k < atom.size(); ++k) {
        EXPECT_EQ(operations(formula[k], Rate::pair),
                  operations(atom[k], Rate::pair))
            << to_text(formula[k]);
      }
    }
  }
}

TEST(Programs, EvaluateAProductAsItIsWritten) {
  const Program program = programs_of(
      Case("linear(x,y)*cauchy(u,v) + linear(x,y)*distance(p,q); 1; scalar; "
           "product"))[0];
  int sums = 0;
  for (const Instruction& instruction : program.instructions) {
    const bool is_sum_of_products =
        instruction.kind == NodeKind::add &&
        std::all_of(
            instruction.operands.begin(), instruction.operands.end(),
            [&](const Use& term) {
              return program.instructions[static_cast<std::size_t>(term.value)]
                         .kind == NodeKind::multiply;
            });
    sums += is_sum_of_products ? 1 : 0;
  }
  EXPECT_EQ(sums, 1) << to_text(program);
}

/// Returns all that a value is computed from, in order, with rates: two values
/// of one text have the same bits.
std::string computation(const Program& program, const Use& use) {
  const Instruction& instruction =
      program.instructions[static_cast<std::size_t>(use.value)];
  std::string text =
      concat("(", static_cast<int>(instruction.kind), " ",
             static_cast<int>(instruction.rate), " ",
             static_cast<int>(instruction.function), " ",
             number_text(instruction.value), " ", instruction.axis.text());
  if (instruction.kind == NodeKind::load) {
    text += program.arguments[instruction.argument].name;
  }
  for (const Axis& axis : use.axes) text += " " + axis.text();
  for (const Use& operand : instruction.operands) {
    text += computation(program, operand);
  }
  return text + ")";
}

std::set<std::string> exponents_of(const Program& program) {
  std::set<std::string> exponents;
  for (const Instruction& instruction : program.instructions) {
    const bool is_exponential = instruction.kind == NodeKind::function &&
                                instruction.function == Function::exp2;
    if (!is_exponential) continue;
    exponents.insert(computation(program, instruction.operands[0]));
  }
  return exponents;
}

TEST(Programs, ComputeTheExponentOfAPairInOneWay) {
  int compared = 0;
  for (const char* kernel :
       {"gaussian(x,y)", "laplacian(x,y)", "gaussian_oriented(x,y)",
        "matern52(x,y)", "gaussian(x,y)*linear(u,v)**3/2",
        "gaussian(x,y)*laplacian(u,v)*cauchy(x,y)",
        "laplacian(x,y)*cauchy(u,v) - gaussian(x,y)",
        // Its exponent is a sum of terms that share a factor.
        "Exp((X_0|Y_0)*(X_1|Y_1) - (X_0|Y_0)*SqDist(X_0,Y_0))"}) {
    for (const char* metric : {"scalar", "full"}) {
      const auto programs = [&](const char* result) {
        return programs_of(Case(concat(kernel, "; 3; ", metric, "; ", result)));
      };
      const std::set<std::string> forward =
          exponents_of(programs("product").at(0));
      for (const Program& sweep : programs("gradient")) {
        for (const std::string& exponent : exponents_of(sweep)) {
          EXPECT_TRUE(forward.contains(exponent)) << kernel << to_text(sweep);
          ++compared;
        }
      }
    }
  }
  EXPECT_GT(compared, 20);
}

}  // namespace
}  // namespace gramless
