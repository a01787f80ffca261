# SPDX-License-Identifier: MIT
"""Exponents, and logarithms of sums."""

from .mutant import Mutant

MUTANTS = [
    Mutant(
        "Exponents are carried apart, so that nothing underflows.",
        "gramless/codegen/scaled_code.cpp",
        "llvm::Value* scale = steps_.math().ceil(bound);",
        "llvm::Value* scale = llvm::Constant::getNullValue(bound->getType());",
        "tests/torch/log_domain_test.py::test_a_thousand_bandwidths_apart",
    ),
    Mutant(
        "Potentials join the exponent before it is taken.",
        "gramless/transform/log_domain.cpp",
        "result.exponents.emplace_back(argument, count);",
        "result.factor = result.factor * pool_.apply(\n"
        "          Function::exp, constant(count) * argument);",
        "tests/torch/log_domain_test.py::test_potentials_that_cancel",
    ),
    Mutant(
        "The derivative of a log-sum-exp starts from the sum itself.",
        "python/gramless/torch/map_reduce.py",
        "_, total, scale = output",
        "value, total, scale = output\n"
        "        total = (value - scale * 1.3862943611198906).exp()",
        "tests/torch/log_domain_test.py::test_weights_sum_to_one",
    ),
    Mutant(
        "A scale is an integer, so that sums are rescaled without loss.",
        "gramless/codegen/scaled_code.cpp",
        "steps_.math().ceil(bound);",
        "bound;",
        "Reductions.ScalesDoNotDrift",
    ),
    Mutant(
        "Earlier blocks are brought to the scale of later ones.",
        "gramless/codegen/reduction_code.cpp",
        "errors = ir_.CreateFMul(errors, factor);",
        "errors = ir_.CreateFAdd(errors, factor);",
        "Reductions.ScalesDoNotDrift",
    ),
    Mutant(
        "Parts of a sum are brought to one scale.",
        "gramless/ir/reductions.cpp",
        "rescale(other, scale);",
        "other[kScaleWord] = scale;",
        "Reductions.ScalesDoNotDrift",
    ),
    Mutant(
        "Of equal extremes the first one counts.",
        "gramless/ir/reductions.cpp",
        "is_tie && index_of(later[1]) < index_of(state[1]);",
        "is_tie;",
        "Reductions.ExtremesKeepTheFirstIndexAndNaN",
    ),
    Mutant(
        "NaN is an extreme.",
        "gramless/codegen/reduction_code.cpp",
        "ir_.CreateFCmpUNO(later, later)",
        "ir_.CreateFCmpONE(later, later)",
        "Reductions.ExtremesKeepTheFirstIndexAndNaN",
    ),
    Mutant(
        "A product that feeds an exponent is fused whoever else uses it.",
        "gramless/plan/stored_values.cpp",
        "is_one_element(instruction) && !is_fused(value)",
        "is_one_element(instruction)",
        "Reductions.ExponentsAreThoseOfDerivatives",
    ),
    Mutant(
        "The sum of a logarithm is kept in float64.",
        "gramless/ir/reductions.cpp",
        'ReductionResult{"sum", "sum", "cot", true}',
        'ReductionResult{"sum", "sum", "cot"}',
        "KernelProduct.KeepsSumsOfLogarithmsInFloat64",
    ),
    Mutant(
        "The weights of a log-sum-exp add up to 1 within 1e-5.",
        "gramless/ir/reductions.cpp",
        '"cot*power0(sum, -1)"',
        '"1.00003*cot*power0(sum, -1)"',
        "tests/torch/log_domain_test.py::test_weights_sum_to_one",
    ),
    Mutant(
        "The logarithm of an infinite sum is infinite.",
        "gramless/ir/reductions.cpp",
        "return std::isinf(scale) ? 0 : scale;",
        "return scale;",
        "Reductions.RowsWithoutANumberHaveTheScale0",
    ),
    Mutant(
        "Pairs whose kernel is 0 count as none.",
        "gramless/transform/log_domain.cpp",
        "if (domain_.is_used && has_zeros) {",
        "if (term.is_plain()) {",
        "tests/torch/log_zeros_test.py"
        "::test_nearest_pair_is_orthogonal_to_a_far_one",
    ),
    Mutant(
        "Terms that are all 0 have a sum of 0, in a derivative too.",
        "gramless/transform/log_domain.cpp",
        "value(part, /*has_zeros=*/true)",
        "value(part)",
        "tests/torch/log_zeros_test.py::test_sums_of_zeros_alone",
    ),
    Mutant(
        "k**H has derivatives where k is 0.",
        "gramless/ir/operator_table.cpp",
        '{"b*zero_power(a, b - 1)", "0"}',
        '{"0", "0"}',
        "tests/torch/log_zeros_test.py::test_powers_of_a_zero",
    ),
    Mutant(
        "No factor of 0 meets an exponential that is infinite.",
        "gramless/transform/log_domain.cpp",
        "pool_.apply(Function::capped, power_of_two(term, /*is_base_4=*/true))",
        "power_of_two(term, /*is_base_4=*/true)",
        "tests/torch/log_zeros_test.py::test_zero_with_a_large_potential",
    ),
    Mutant(
        "A derivative may be a number where its exponential overflows.",
        "gramless/codegen/vector_math.cpp",
        "ir_.CreateFMul(ir_.CreateFMul(a, c), ir_.CreateFMul(b, c))",
        "ir_.CreateFMul(ir_.CreateFMul(a, b), ir_.CreateFMul(c, c))",
        "tests/torch/log_zeros_test.py"
        "::test_derivative_of_a_zero_far_above_the_others",
    ),
    Mutant(
        "H c is 0 where H is 0.",
        "gramless/ir/operator_table.cpp",
        '"select(-abs(a), 0, a*b)"',
        '"a*b"',
        "tests/torch/log_signs_test.py::test_multiplier_that_is_zero",
    ),
    Mutant(
        "A select in a sum keeps both its branches.",
        "gramless/ir/normal_form.cpp",
        "branch(1), branch(2)",
        "branch(1), branch(1)",
        "NormalForm.KeepsValuesAtSpecialNumbers",
    ),
    Mutant(
        "An exponent is rounded before the scale is subtracted.",
        "gramless/transform/log_domain.cpp",
        "exponent ? pool_.apply(Function::rounded, exponent) : exponent",
        "exponent",
        "Reductions.ZerosSetNoScaleAndMasksAreNumbers",
    ),
    Mutant(
        "The derivative of the logarithm of an empty sum is 0.",
        "gramless/ir/reductions.cpp",
        '"cot*power0(sum, -1)"',
        '"cot/sum"',
        "tests/torch/log_zeros_test.py::test_row_of_zeros",
    ),
    Mutant(
        "A large power does not leave the range.",
        "gramless/transform/log_domain.cpp",
        "kLargestPowerOfMantissa = 32",
        "kLargestPowerOfMantissa = 1e9",
        "tests/torch/log_signs_test.py::test_large_powers",
    ),
    Mutant(
        "The logarithm of a sum over potentials of -inf is -inf.",
        "gramless/codegen/vector_math.cpp",
        "return ir_.CreateSelect(is_finite, clamped, x);",
        "return ir_.CreateSelect(is_finite, clamped, clamped);",
        "tests/torch/log_domain_test.py::test_row_without_finite_logits",
    ),
]
