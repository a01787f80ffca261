# SPDX-License-Identifier: MIT
"""Derivatives, and what may be rewritten on the way to them."""

from .mutant import Mutant

MUTANTS = [
    Mutant(
        "A root has derivative 0 at 0.",
        "gramless/transform/derivative.cpp",
        "is_root ? pool.power0(operands[0], exponent - 1)",
        "is_root ? pool.power(operands[0], exponent - 1)",
        "tests/torch/derivatives_test.py::test_coincident_points",
    ),
    Mutant(
        "Roots are merged before they are differentiated.",
        "gramless/ir/normal_form.cpp",
        "if (const Expr merged = power_with_roots(*base, exponent)) "
        "return merged;",
        "",
        "tests/torch/derivatives_test.py"
        "::test_second_derivative_at_coincident_points",
    ),
    Mutant(
        "A merged root of a negative number stays NaN.",
        "gramless/ir/normal_form.cpp",
        "if (is_nonnegative(base)) return;",
        "if (base) return;",
        "NormalForm.KeepsValuesAtSpecialNumbers",
    ),
    Mutant(
        "Terms and their opposites are not merged: inf - inf is NaN.",
        "gramless/ir/normal_form.cpp",
        "other.second == r && other.first * c > 0",
        "other.second == r && other.first * c != 0",
        "NormalForm.KeepsValuesAtSpecialNumbers",
    ),
    Mutant(
        "A factor and its inverse are not merged: 0/0 is NaN.",
        "gramless/ir/normal_form.cpp",
        "other.exponent * split.exponent > 0",
        "other.exponent * split.exponent != 0",
        "NormalForm.KeepsValuesAtSpecialNumbers",
    ),
    Mutant(
        "A square root of a square is no merged power: it is |a|.",
        "gramless/transform/simplify.cpp",
        'SimplifyRule{"log(sqrt(a))", "log(a)/2"},',
        'SimplifyRule{"log(sqrt(a))", "log(a)/2"},\n'
        '    SimplifyRule{"sqrt(power(a, 2))", "a"},',
        "Derivative.RulesOfTheSimplifierKeepValues",
    ),
    Mutant(
        "Equal expressions have one order of operands.",
        "gramless/ir/normal_form.cpp",
        "stands_before);\n  if (number != 0",
        "[](Expr a, Expr b) { return a->id < b->id; });\n  if (number != 0",
        "NormalForm.DoesNotDependOnThePool",
    ),
    Mutant(
        "A choice guards the derivatives of what it does not take.",
        "gramless/transform/derivative.cpp",
        "if (!is_guarded(adjoint) || slope->is_constant())",
        "if (is_guarded(adjoint) || slope->is_constant() || true)",
        "tests/torch/choices_test.py::test_a_choice_guards_its_derivatives",
    ),
    Mutant(
        "Factors are shared below no exponent.",
        "gramless/lower/factor.cpp",
        "if (!is_fixed[k] && instruction.kind != NodeKind::function) continue;",
        "if (!is_fixed[k]) continue;",
        "Programs.ComputeTheExponentOfAPairInOneWay",
    ),
    Mutant(
        "Factors are shared in no forward output.",
        "gramless/lower/factor.cpp",
        "if (is_gradient(program.results[output.output])) continue;",
        "if (!program.outputs.empty()) continue;",
        "Programs.EvaluateAProductAsItIsWritten",
    ),
    Mutant(
        "Values are numbered whatever primes their axes have.",
        "gramless/lower/numbering.cpp",
        "entry->second.primes = primes_[axis.name]++;",
        "primes_[axis.name]++;",
        "Lower.NumbersValuesOnceWhateverCopyOfAnAxisTheyStandOn",
    ),
    Mutant(
        "Axes of one name have one extent.",
        "gramless/ir/map_reduce.cpp",
        "require(extent == axis.extent,",
        "require(extent == axis.extent || extent > 0,",
        "MapReduce.FindsTwoExtentsOfOneAxis",
    ),
    Mutant(
        "The points of one atom may have different widths.",
        "gramless/formula/kernel_builder.cpp",
        'if (is_other) axis.name = concat("f", number);',
        "if (is_other) return axis;",
        "tests/torch/formula_widths_test.py::test_two_widths_of_an_atom",
    ),
]
