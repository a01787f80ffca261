// SPDX-License-Identifier: MIT
// Holds the table of operators.
#include "gramless/name/formula_operators.h"

#include <algorithm>
#include <array>

namespace gramless {
namespace {

using enum FormulaKind;
using enum FormulaSign;
using Row = FormulaOperator;

constexpr std::array kOperators = {
    Row{"Add", "ff", elementwise, "a + b", as_operands, "f + g"},
    Row{"Subtract", "ff", elementwise, "a - b", any, "f - g"},
    Row{"Mult", "ff", elementwise, "a*b", as_operands, "f * g"},
    Row{"Divide", "ff", elementwise, "a/b", as_operands, "f / g"},
    Row{"Minus", "f", elementwise, "-a", any, "-f"},
    Row{"Inv", "f", elementwise, "1/a", as_operands, "1/f"},
    Row{"Scal", "sf", elementwise, "a*b", as_operands, "s f"},
    Row{"Scalprod", "ff", contraction, "a*b", any, "<f, g>, as (f|g)"},
    Row{"IntCst", "n", constant, "a", as_operands, "The number n"},
    Row{"IntInv", "n", constant, "1/a", as_operands, "1/n"},
    Row{"Zero", "n", constant, "", nonnegative, "n zeros"},
    Row{"Exp", "f", elementwise, "exp(a)", nonnegative, "The exponential"},
    Row{"Log", "f", elementwise, "log(a)", any, "The natural logarithm"},
    Row{"Sin", "f", elementwise, "sin(a)", any, "The sine"},
    Row{"Cos", "f", elementwise, "cos(a)", any, "The cosine"},
    Row{"Tan", "f", elementwise, "tan(a)", any, "The tangent"},
    Row{"Asin", "f", elementwise, "asin(a)", any, "The arc sine"},
    Row{"Acos", "f", elementwise, "acos(a)", nonnegative, "The arc cosine"},
    Row{"Atan", "f", elementwise, "atan(a)", any, "The arc tangent"},
    Row{"Sinh", "f", elementwise, "sinh(a)", any, "The hyperbolic sine"},
    Row{"Cosh", "f", elementwise, "cosh(a)", nonnegative,
        "The hyperbolic cosine"},
    Row{"Tanh", "f", elementwise, "tanh(a)", any, "The hyperbolic tangent"},
    Row{"Abs", "f", elementwise, "abs(a)", nonnegative, "|f|"},
    Row{"Sign", "f", elementwise, "sign(a)", any, "1, -1, or 0 at 0"},
    Row{"Sqrt", "f", elementwise, "sqrt(a)", nonnegative,
        "The root, with derivative 0 at 0"},
    Row{"Rsqrt", "f", elementwise, "rsqrt(a)", nonnegative, "1/Sqrt(f)"},
    Row{"Square", "f", elementwise, "a**2", nonnegative, "f**2"},
    Row{"Floor", "f", elementwise, "floor(a)", any,
        "The largest integer not above f"},
    Row{"Atan2", "ff", elementwise, "atan2(a, b)", any,
        "The angle of the point (g, f)"},
    Row{"Pow", "fr", elementwise, "power(a, b)", as_operands, "f**r"},
    Row{"Powf", "ff", elementwise, "exp(b*log(a))", nonnegative,
        "f**g of an f that is positive"},
    Row{"XLogX", "f", elementwise, "select(-abs(a), 0, a*log(a))", any,
        "f Log(f), 0 at 0"},
    Row{"SinXDivX", "f", elementwise, "sinc(a)", any, "Sin(f)/f, 1 at 0"},
    Row{"Round", "fn", elementwise, "round(a*10**b)/10**b", any,
        "f to n decimals"},
    Row{"Mod", "fff", elementwise, "a - b*floor((a - c)/b)", any,
        "f less whole multiples of g, from h on"},
    Row{"Step", "f", elementwise, "step(a)", nonnegative,
        "1 where f >= 0, otherwise 0"},
    Row{"ReLU", "f", elementwise, "max(a, 0)", nonnegative, "f where f >= 0"},
    Row{"Clamp", "fff", elementwise, "-max(-max(a, b), -c)", any,
        "f between g and h"},
    Row{"IfElse", "fff", elementwise, "select(a, b, c)", any,
        "g where f >= 0, otherwise h"},
    Row{"Equal", "ff", elementwise, "step(a - b)*step(b - a)", nonnegative,
        "1 where f = g, otherwise 0"},
    Row{"NotEqual", "ff", elementwise, "1 - step(a - b)*step(b - a)",
        nonnegative, "0 where f = g, otherwise 1"},
    Row{"LessThan", "ff", elementwise, "1 - step(a - b)", nonnegative,
        "1 where f < g, otherwise 0"},
    Row{"LessOrEqual", "ff", elementwise, "step(b - a)", nonnegative,
        "1 where f <= g, otherwise 0"},
    Row{"SqNorm2", "f", contraction, "a**2", nonnegative, "<f, f>"},
    Row{"Norm2", "f", contraction, "a**2", nonnegative, "The root of <f, f>",
        "sqrt(a)"},
    Row{"Normalize", "f", elementwise, "a*rsqrt0(b)", any,
        "f/Norm2(f), 0 at 0"},
    Row{"SqDist", "ff", contraction, "(a - b)**2", nonnegative,
        "<f - g, f - g>"},
    Row{"WeightedSqNorm", "ff", weighted, "a", any,
        "<g, F g>: F is f as a scalar, a diagonal or a matrix"},
    Row{"WeightedSqDist", "fff", weighted, "a - b", any,
        "WeightedSqNorm(f, g - h)"},
    Row{"Sum", "f", contraction, "a", as_operands, "The sum of components"},
    Row{"SumT", "sn", repeat, "", as_operands, "n components that are s"},
    Row{"Max", "f", largest, "", any, "The largest component"},
    Row{"Min", "f", smallest, "", any, "The smallest component"},
    Row{"Elem", "fn", element, "", any, "Component n, from 0"},
    Row{"ElemT", "snn", place, "", any, "n zeros, but s at the position m"},
    Row{"Extract", "fnn", extract, "", any, "n components from m on"},
    Row{"ExtractT", "fnn", insert, "", any, "n zeros, but f from m on"},
    Row{"Concat", "ff", concat, "", any, "f, then g"},
    Row{"OneHot", "sn", one_hot, "", nonnegative,
        "n zeros, but 1 at the position s, rounded"},
    Row{"MatVecMult", "ff", matrix, "", any, "f, as a matrix by rows, times g"},
    Row{"VecMatMult", "ff", transpose, "", any,
        "f times g, as a matrix by rows"},
    Row{"TensorProd", "ff", outer, "", any, "All f_k g_l, row after row"},
    Row{"Grad", "fvf", gradient, "", any,
        "The derivative of f by a variable, transposed, times g"},
};

}  // namespace

std::span<const FormulaOperator> formula_operators() { return kOperators; }

const FormulaOperator* find_formula_operator(std::string_view name) {
  const auto* found =
      std::find_if(kOperators.begin(), kOperators.end(),
                   [&](const Row& row) { return row.name == name; });
  return found == kOperators.end() ? nullptr : found;
}

std::vector<std::string> formula_operator_names() {
  std::vector<std::string> names;
  for (const Row& row : kOperators) names.emplace_back(row.name);
  return names;
}

}  // namespace gramless
