# SPDX-License-Identifier: MIT
"""What kernels make of distances."""

from .mutant import Mutant

MUTANTS = [
    Mutant(
        "Differences come first; |x|² + |y|² - 2<x, y> is not used.",
        "gramless/formula/formula_vectors.cpp",
        "return quadratic_form(node, weight, "
        "elementwise(node, vectors, text));",
        "const auto form = [&](std::size_t k, std::size_t l) {\n"
        "    return contraction(node, {weight, vectors[k], vectors[l]},\n"
        '                       "a*b*c")\n'
        "        .expr;\n"
        "  };\n"
        "  return {1, form(0, 0) + form(1, 1) -\n"
        "                 pool().constant(2) * form(0, 1)};",
        "tests/torch/values_test.py::test_far_from_the_origin",
    ),
    Mutant(
        "No epsilon is added anywhere.",
        "gramless/formula/atoms.cpp",
        '.formula = "Sqrt(WeightedSqDist({G},{X},{Y}))"',
        '.formula = "Sqrt(WeightedSqDist({G},{X},{Y}) + 1e-24)"',
        "tests/torch/derivatives_test.py::test_coincident_points",
    ),
    Mutant(
        "A rational quadratic of a large alpha keeps the digits of q.",
        "gramless/formula/atoms.cpp",
        "Exp(-{H}*Log1p(WeightedSqDist({G},{X},{Y})/{H}))",
        "Exp(-{H}*Log(1 + WeightedSqDist({G},{X},{Y})/{H}))",
        "tests/torch/parameters_test.py::test_float32_of_rational_quadratic",
    ),
    Mutant(
        "Formulas of different numbers are different functions.",
        "gramless/formula/node.cpp",
        "mix(digest, std::bit_cast<uint64_t>(node.number));",
        "mix(digest, static_cast<uint64_t>(node.number));",
        "Formula.DigestsTellFormulasApart",
    ),
    Mutant(
        "Each parameter of an atom has a slot of its own.",
        "gramless/formula/formula_builder.cpp",
        "concat(variable.kind, first + variable.number);",
        "concat(variable.kind, first);",
        "tests/torch/parameters_test.py::test_slots_are_in_reading_order",
    ),
    Mutant(
        "Where q overflows, a kernel that falls to 0 is 0.",
        "gramless/ir/operator_table.cpp",
        "kFarAway = 0x1p64",
        "kFarAway = std::numeric_limits<double>::infinity()",
        "tests/torch/special_ranges_test.py::test_overflow_of_distances",
    ),
]
