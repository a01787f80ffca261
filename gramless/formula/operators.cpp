// SPDX-License-Identifier: MIT
// Holds the table of operators.
#include "gramless/formula/operators.h"

#include <algorithm>
#include <array>

#include "gramless/error.h"

namespace gramless {
namespace {

using enum FormulaKind;
using Row = FormulaOperator;

constexpr std::array kOperators = {
    Row{"Add", "ff", elementwise, "a + b", "f + g", "", {" + ", 1}},
    Row{"Subtract", "ff", elementwise, "a - b", "f - g", "", {" - ", 1}},
    Row{"Mult", "ff", elementwise, "a*b", "f * g", "", {"*", 2}},
    Row{"Divide", "ff", elementwise, "a/b", "f / g", "", {"/", 2}},
    Row{"Minus", "f", elementwise, "-a", "-f", "", {"-", 3}},
    Row{"Inv", "f", elementwise, "1/a", "1/f"},
    Row{"Scal", "sf", elementwise, "a*b", "s f"},
    Row{"Scalprod", "ff", contraction, "a*b", "<f, g>, as (f|g)", "", {"|"}},
    Row{"IntCst", "n", constant, "a", "The number n"},
    Row{"IntInv", "n", constant, "1/a", "1/n"},
    Row{"Zero", "n", constant, "", "n zeros"},
    Row{"Exp", "f", elementwise, "exp(a)", "The exponential"},
    Row{"Log", "f", elementwise, "log(a)", "The natural logarithm"},
    Row{"Sin", "f", elementwise, "sin(a)", "The sine"},
    Row{"Cos", "f", elementwise, "cos(a)", "The cosine"},
    Row{"Tan", "f", elementwise, "tan(a)", "The tangent"},
    Row{"Asin", "f", elementwise, "asin(a)", "The arc sine"},
    Row{"Acos", "f", elementwise, "acos(a)", "The arc cosine"},
    Row{"Atan", "f", elementwise, "atan(a)", "The arc tangent"},
    Row{"Sinh", "f", elementwise, "sinh(a)", "The hyperbolic sine"},
    Row{"Cosh", "f", elementwise, "cosh(a)", "The hyperbolic cosine"},
    Row{"Tanh", "f", elementwise, "tanh(a)", "The hyperbolic tangent"},
    Row{"Abs", "f", elementwise, "abs(a)", "|f|"},
    Row{"Sign", "f", elementwise, "sign(a)", "1, -1, or 0 at 0"},
    Row{"Sqrt", "f", elementwise, "sqrt(a)",
        "The root, with derivative 0 at 0"},
    Row{"Rsqrt", "f", elementwise, "rsqrt(a)", "1/Sqrt(f)"},
    Row{"Square", "f", elementwise, "a**2", "f**2"},
    Row{"Floor", "f", elementwise, "floor(a)",
        "The largest integer not above f"},
    Row{"Atan2", "ff", elementwise, "atan2(a, b)",
        "The angle of the point (g, f)"},
    Row{"Pow", "fr", elementwise, "power(a, b)", "f**r", "", {"**", 4}},
    Row{"Powf", "ff", elementwise, "exp(b*log(a))",
        "f**g of an f that is positive"},
    Row{"XLogX", "f", elementwise, "select(-abs(a), 0, a*log(a))",
        "f Log(f), 0 at 0"},
    Row{"SinXDivX", "f", elementwise, "sinc(a)", "Sin(f)/f, 1 at 0"},
    Row{"Round", "fn", elementwise, "round(a*power(10, b))/power(10, b)",
        "f to n decimals"},
    Row{"Mod", "fff", elementwise, "a - b*floor((a - c)/b)",
        "f less whole multiples of g, from h on"},
    Row{"Step", "f", elementwise, "step(a)", "1 where f >= 0, otherwise 0"},
    Row{"ReLU", "f", elementwise, "max(a, 0)", "f where f >= 0"},
    Row{"Clamp", "fff", elementwise, "-max(-max(a, b), -c)",
        "f between g and h"},
    Row{"IfElse", "fff", elementwise, "select(a, b, c)",
        "g where f >= 0, otherwise h"},
    Row{"Equal", "ff", elementwise, "step(a - b)*step(b - a)",
        "1 where f = g, otherwise 0"},
    Row{"NotEqual", "ff", elementwise, "select(a - b, select(b - a, 0, 1), 1)",
        "0 where f = g, otherwise 1"},
    Row{"LessThan", "ff", elementwise, "select(a - b, 0, 1)",
        "1 where f < g, otherwise 0"},
    Row{"LessOrEqual", "ff", elementwise, "step(b - a)",
        "1 where f <= g, otherwise 0"},
    Row{"SqNorm2", "f", contraction, "a**2", "<f, f>"},
    Row{"Norm2", "f", contraction, "a**2", "The root of <f, f>", "sqrt(a)"},
    Row{"Normalize", "f", normalized, "a*rsqrt0(b)", "f/Norm2(f), 0 at 0"},
    Row{"SqDist", "ff", contraction, "(a - b)**2", "<f - g, f - g>"},
    Row{"WeightedSqNorm", "ff", weighted, "a",
        "<g, F g>: F is f as a scalar, a diagonal or a matrix"},
    Row{"WeightedSqDist", "fff", weighted, "a - b", "WeightedSqNorm(f, g - h)"},
    Row{"Sum", "f", contraction, "a", "The sum of components"},
    Row{"SumT", "sn", repeat, "", "n components that are s"},
    Row{"Max", "f", largest, "", "The largest component"},
    Row{"Min", "f", smallest, "", "The smallest component"},
    Row{"Elem", "fn", element, "", "Component n, from 0"},
    Row{"ElemT", "snn", place, "", "n zeros, but s at the position m"},
    Row{"Extract", "fnn", extract, "", "n components from m on"},
    Row{"ExtractT", "fnn", insert, "", "n zeros, but f from m on"},
    Row{"Concat", "ff", concat, "", "f, then g"},
    Row{"OneHot", "sn", one_hot, "",
        "n zeros, but 1 at the position s, rounded"},
    Row{"MatVecMult", "ff", matrix, "", "f, as a matrix by rows, times g"},
    Row{"VecMatMult", "ff", transpose, "", "f times g, as a matrix by rows"},
    Row{"TensorProd", "ff", outer, "", "All f_k g_l, row after row"},
    Row{"Grad", "fvf", gradient, "",
        "The derivative of f by a variable, transposed, times g"},
};

// What the formulas of atoms use beside the above: see ir/operators.h.
constexpr std::array kEngineFunctions = {
    Row{"Log1p", "f", elementwise, "log1p(a)", "Log(1 + f)"},
    Row{"Laplacian", "f", elementwise, "laplacian(a)", "Exp(-Sqrt(f))"},
    Row{"Matern32", "f", elementwise, "matern32(a)",
        "(1 + Sqrt(f))*Exp(-Sqrt(f))"},
    Row{"Matern52", "f", elementwise, "matern52(a)",
        "(1 + Sqrt(f) + f/3)*Exp(-Sqrt(f))"},
};

const Row* find_in(std::span<const Row> rows, std::string_view name) {
  const auto found =
      std::find_if(rows.begin(), rows.end(),
                   [&](const Row& row) { return row.name == name; });
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

const FormulaOperator& operator_row(SyntaxKind kind) {
  const auto named = [](std::string_view name) -> const FormulaOperator& {
    return *find_in(kOperators, name);
  };
  switch (kind) {
    case SyntaxKind::negate:
      return named("Minus");
    case SyntaxKind::add:
      return named("Add");
    case SyntaxKind::subtract:
      return named("Subtract");
    case SyntaxKind::multiply:
      return named("Mult");
    case SyntaxKind::divide:
      return named("Divide");
    case SyntaxKind::dot:
      return named("Scalprod");
    case SyntaxKind::power:
      return named("Pow");
    case SyntaxKind::number:
    case SyntaxKind::name:
    case SyntaxKind::call:
    case SyntaxKind::element:
      break;
  }
  throw InternalError("operator_row(): not an operator.");
}

std::span<const FormulaOperator> formula_operators() { return kOperators; }

const FormulaOperator* find_formula_operator(std::string_view name,
                                             bool has_engine_functions) {
  const Row* row = find_in(kOperators, name);
  if (row != nullptr || !has_engine_functions) return row;
  return find_in(kEngineFunctions, name);
}

std::vector<std::string> formula_operator_names() {
  std::vector<std::string> names;
  for (const Row& row : kOperators) names.emplace_back(row.name);
  return names;
}

}  // namespace gramless
