# SPDX-License-Identifier: MIT
"""Promises, each with a change of the code that breaks it and a test."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """A change that the test, and so somebody's work, depends on.

    `old` stands once in the file. The test is a filter of the C++ program, or
    a node of pytest.
    """

    promise: str
    file: str
    old: str
    new: str
    test: str

    @property
    def target(self) -> str:
        return "_core" if ".py" in self.test else "gramless_tests"


SUMS = [
    Mutant(
        "A block has at most 64 terms.",
        "gramless/plan/plan.h",
        "kBlockTerms = 64",
        "kBlockTerms = 2048",
        "tests/torch/accuracy_test.py::test_blocks",
    ),
    Mutant(
        "The rounding error of each addition of float64 blocks is kept.",
        "gramless/codegen/reduction_code.cpp",
        "memory_.store(ir_.CreateFAdd(errors, error), address(1));",
        "memory_.store(errors, address(1));",
        "tests/torch/accuracy_test.py::test_blocks_lose_nothing",
    ),
    Mutant(
        "Blocks of float32 are added in float64.",
        "gramless/codegen/reduction_code.cpp",
        "memory_.store(sum, address(0));",
        "memory_.store(ir_.CreateFPExt(ir_.CreateFPTrunc(sum, type_), wide_), "
        "address(0));",
        "tests/torch/accuracy_test.py::test_blocks_lose_nothing",
    ),
    Mutant(
        "Parts of a sum are merged with the errors that they kept.",
        "gramless/ir/reductions.cpp",
        "(term - rounded) + error;",
        "(term - rounded) + 0 * error;",
        "tests/torch/accuracy_test.py::test_blocks_lose_nothing",
    ),
    Mutant(
        "The rounding error of each merge is kept.",
        "gramless/ir/reductions.cpp",
        "+= (before - (sum - rounded)) + (term - rounded) + error;",
        "+= 0 * rounded + error;",
        "Reference.RoundsWithinABlockOnly",
    ),
    Mutant(
        "An infinite sum is infinite, and not NaN.",
        "gramless/ir/reductions.cpp",
        "std::isfinite(sum) ? sum + words[1][k] : sum;",
        "sum + words[1][k];",
        "tests/torch/values_test.py::test_sums_that_overflow",
    ),
    Mutant(
        "Only the terms below N are summed.",
        "gramless/codegen/tile_code.cpp",
        "ir_.CreateSelect(step.mask, after[word], state[word]);",
        "after[word];",
        "tests/torch/modes_test.py::test_values",
    ),
    Mutant(
        "Nothing is read behind an array.",
        "gramless/backend/cpu/sweep.cpp",
        "pack(first, tile.count, 0);",
        "pack(first, tile.rows, 0);",
        "Checked.FindsNothingInAnyPlan",
    ),
    Mutant(
        "Nothing is written behind an array.",
        "gramless/backend/cpu/sweep.cpp",
        "schedule_.task_rows + tile.first, tile.count,",
        "schedule_.task_rows + tile.first + 1, tile.count,",
        "Checked.FindsNothingInAnyPlan",
    ),
    Mutant(
        "What is written goes to the result's own strides.",
        "gramless/backend/states.cpp",
        "element * element_stride]",
        "element * int64_t{element_stride > 0}]",
        "KernelProduct.WritesToAnyStrides",
    ),
    Mutant(
        "The gradient to a shared G runs over all pairs.",
        "gramless/backend/cpu/sweep.cpp",
        "for (const Partial& partial : partials_) total",
        "const Partial& partial = partials_[0]; total",
        "tests/torch/accuracy_test.py::test_gradients_of_many_points",
    ),
    Mutant(
        "There may be no columns.",
        "gramless/ir/normal_form.cpp",
        "if (axis.extent == 0) return constant(0);",
        "if (axis.extent == 0) return constant(1);",
        "tests/torch/values_test.py::test_sizes",
    ),
]

DISTANCES = [
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

DERIVATIVES = [
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

LOG_DOMAIN = [
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

MACHINE = [
    Mutant(
        "Numbers below t are taken for 0.",
        "gramless/backend/cpu/denormals.h",
        "change_mode(before_ | kFlush)",
        "change_mode(before_ | (0 & kFlush))",
        "tests/torch/bits_test.py::test_denormal_numbers_are_taken_for_0",
    ),
    Mutant(
        "The processor's mode is restored after each call.",
        "gramless/backend/cpu/denormals.h",
        "~FlushDenormals() { change_mode(before_); }",
        "~FlushDenormals() {}",
        "tests/torch/manners_test.py::test_denormals_are_left_as_they_were",
    ),
    Mutant(
        "The reference keeps denormal numbers.",
        "gramless/backend/reference/reference.cpp",
        "const int64_t first = task * task_rows_;",
        "__builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040U);\n"
        "    const int64_t first = task * task_rows_;",
        "tests/torch/bits_test.py::test_denormal_numbers_are_kept",
    ),
    Mutant(
        "The bits are the same for any number of threads.",
        "gramless/backend/cpu/prepared_program.cpp",
        "ready_for(sizes, dtype, options.forced);",
        "[&] {\n    ForcedChoices forced = options.forced;\n"
        "    if (options.threads == 1) forced.most = VectorIsa::baseline;\n"
        "    return ready_for(sizes, dtype, forced);\n  }();",
        "tests/torch/bits_test.py::test_same_bits_whatever_runs_them",
    ),
    Mutant(
        "The bits are the same at any address.",
        "gramless/backend/cpu/prepared_program.cpp",
        "ready_for(sizes, dtype, options.forced);",
        "[&] {\n    ForcedChoices forced = options.forced;\n"
        "    const auto at = reinterpret_cast<uintptr_t>(arguments[0].data);\n"
        "    if (at % 64 != 0) forced.most = VectorIsa::baseline;\n"
        "    return ready_for(sizes, dtype, forced);\n  }();",
        "tests/torch/bits_test.py::test_same_bits_at_any_address",
    ),
    Mutant(
        "The bits of a row do not depend on its place.",
        "gramless/codegen/reduction_code.cpp",
        "return {math_.fma(term.first, term.second, block[0])};",
        "static int count = 0;\n"
        "  if (++count % 2 == 0) {\n"
        "    return {ir_.CreateFAdd(ir_.CreateFMul(term.first, term.second),\n"
        "                           block[0])};\n"
        "  }\n"
        "  return {math_.fma(term.first, term.second, block[0])};",
        "tests/torch/bits_test.py::test_rows_do_not_depend_on_their_place",
    ),
    Mutant(
        "exp2 is off by at most 1.25 ulp, float32.",
        "gramless/codegen/vector_math.cpp",
        "0x1.62e43p-1,",
        "0x1.62e434p-1,",
        "*VectorMathTest.FloatsAreWithinTheBounds*",
    ),
    Mutant(
        "exp2 is off by at most 1.25 ulp, float64.",
        "gramless/codegen/vector_math.cpp",
        "0x1.ebfbdff82c5adp-3,",
        "0x1.ebfbdff82c5edp-3,",
        "*VectorMathTest.DoublesAreWithinTheBounds*",
    ),
    Mutant(
        "log2 is off by at most 1.5 ulp, float32.",
        "gramless/codegen/vector_math.cpp",
        "0x1.47652bp-12",
        "0x1.47852bp-12",
        "*VectorMathTest.FloatsAreWithinTheBounds*",
    ),
    Mutant(
        "log2 is off by at most 1.5 ulp, float64.",
        "gramless/codegen/vector_math.cpp",
        "0x1.5555555555555p-1,",
        "0x1.5555555555655p-1,",
        "*VectorMathTest.DoublesAreWithinTheBounds*",
    ),
    Mutant(
        "The root of an infinity is infinite, however roots are taken.",
        "gramless/codegen/vector_math.cpp",
        "constexpr int kZeroOrInfinity = 0x2 | 0x4 | 0x8;",
        "constexpr int kZeroOrInfinity = 0x2 | 0x4;",
        "*VectorMathTest.FloatsAreWithinTheBounds*",
    ),
    Mutant(
        "What all terms of a gradient share multiplies their sum.",
        "gramless/codegen/tile_code.cpp",
        "if (factor != nullptr) state[0] = ir_.CreateFMul(state[0], factor);",
        "if (factor != nullptr) state[0] = state[0];",
        "tests/torch/accuracy_test.py::test_gradients",
    ),
    Mutant(
        "log(1 + x) is off by at most 2.6 ulp.",
        "gramless/codegen/vector_math.cpp",
        "ir_.CreateFMul(log(u), divide(x, rounded))",
        "log(u)",
        "*VectorMathTest.DoublesAreWithinTheBounds*",
    ),
    Mutant(
        "Sines of arguments of any size are within their bounds.",
        "gramless/codegen/large_angle.cpp",
        "0xfe5163abdebbc561,",
        "0xfe5163abdebbc560,",
        "*VectorMathTest.DoublesAreWithinTheBounds*",
    ),
    Mutant(
        "A NaN of any bits stays NaN, in its row.",
        "gramless/codegen/pack_code.cpp",
        "llvm::ConstantFP::getNaN(type_), number)",
        "number, number)",
        "tests/torch/values_test.py::test_any_not_a_number_stays_in_its_row",
    ),
    Mutant(
        "No instruction is used that the processor lacks.",
        "gramless/codegen/target.cpp",
        "is_baseline ? found[k] : feature.isa <= target.isa",
        "is_baseline ? found[k] : feature.isa <= VectorIsa::avx512",
        "Target.DoesNotGoAboveTheGivenInstructions",
    ),
    Mutant(
        "The checked backend compares with the reference.",
        "gramless/backend/checked/checked.cpp",
        "if (!(scale < largest)) return;",
        "if (!(scale < 0)) return;",
        "Checked.FindsWrongNumbers",
    ),
    Mutant(
        "The checked backend finds runs that differ.",
        "gramless/backend/checked/checked.cpp",
        "if (!first.written[k].has_bytes_of(second.written[k])) {",
        "if (!first.written[k].has_bytes_of(first.written[k])) {",
        "Checked.FindsRunsThatDiffer",
    ),
    Mutant(
        "The checked backend has guard pages around arrays.",
        "gramless/backend/checked/guarded_array.cpp",
        "mprotect(first, inside, PROT_READ | PROT_WRITE)",
        "mprotect(pages_, size_, PROT_READ | PROT_WRITE)",
        "CheckedDeathTest.StopsBehindAnArray",
    ),
]

ERRORS = [
    Mutant(
        "A wrong dtype is an error.",
        "gramless/base/check_array.cpp",
        "array.dtype != DType::float32 && array.dtype != DType::float64",
        "array.dtype != array.dtype",
        "WrongArrays.AreTheOnesInTheFile",
    ),
    Mutant(
        "Negative extents are an error.",
        "gramless/base/check_array.cpp",
        "return n < 0;",
        "return n < -1;",
        "WrongArrays.AreTheOnesInTheFile",
    ),
    Mutant(
        "Another number of strides is an error.",
        "gramless/base/check_array.cpp",
        "array.strides.size() != shape.size()",
        "array.strides.size() < shape.size()",
        "WrongArrays.AreTheOnesInTheFile",
    ),
    Mutant(
        "Sizes that cannot be counted are an error.",
        "gramless/base/check_array.cpp",
        "if (!has_size(array))",
        "if (!has_size(array) && shape.empty())",
        "WrongArrays.AreTheOnesInTheFile",
    ),
    Mutant(
        "Offsets that cannot be counted are an error.",
        "gramless/base/check_array.cpp",
        "if (!has_offsets(array))",
        "if (!has_offsets(array) && shape.empty())",
        "WrongArrays.AreTheOnesInTheFile",
    ),
    Mutant(
        "Results have memory of their own.",
        "gramless/call/arrays.cpp",
        "if (!may_overlap(read_only(results[k]), other)) return;",
        "if (!name.empty() || !may_overlap({}, other)) return;",
        "WrongArrays.AreOfOneMemory",
    ),
    Mutant(
        "Columns of one matrix do not overlap.",
        "gramless/base/check_array.cpp",
        "!are_other_columns(a, b, stride(a))",
        "are_other_columns(a, b, stride(a)) || stride(a) != 0",
        "MayOverlap.FindsAllElementsThatAreShared",
    ),
    Mutant(
        "Options out of range are errors.",
        "gramless/call/function.cpp",
        "if (!value || *value >= least) return;",
        "if (!value || *value >= least - 100) return;",
        "WrongOptions.AreErrors",
    ),
    Mutant(
        "A null pointer is an error.",
        "gramless/base/check_array.cpp",
        "array.data == nullptr && !is_empty",
        "array.data == nullptr && !is_empty && shape.empty()",
        "WrongArrays.AreTheOnesInTheFile",
    ),
    Mutant(
        "Elements of a result at one address are an error.",
        "gramless/base/check_array.cpp",
        "t / divisor < first && s / divisor < second",
        "t < first && s < second",
        "CheckArray.RefusesElementsAtOneAddress",
    ),
    Mutant(
        "Mixed dtypes are a TypeError.",
        "gramless/call/arguments.cpp",
        "if (array->dtype != first->dtype) {",
        "if (array->dtype != array->dtype) {",
        "tests/torch/arguments_test.py::test_types",
    ),
    Mutant(
        "Tensors on different devices are a RuntimeError.",
        "gramless/call/arguments.cpp",
        "if (array->device != first->device) {",
        "if (array->device != array->device) {",
        "tests/torch/tensors_test.py::test_devices_do_not_mix",
    ),
    Mutant(
        "A span has as many elements as its shape.",
        "gramless/base/arrays.cpp",
        "return size == 1;",
        "return true;",
        "ArrayView.NamesASpanThatDoesNotFit",
    ),
    Mutant(
        "An unknown backend is an error in C++.",
        "gramless/call/function.cpp",
        "if (options.backend > Backend::checked) {",
        "if (options.backend == Backend::cuda) {",
        "WrongArguments.AreOfNoEnumerator",
    ),
    Mutant(
        "Different numbers of rows are a ValueError.",
        "gramless/call/arguments.cpp",
        "if (rows_of(array) != rows_of(*first.array)) {",
        "if (rows_of(array) < rows_of(*first.array)) {",
        "tests/torch/arguments_test.py::test_shapes",
    ),
    Mutant(
        "Different numbers of columns are a ValueError.",
        "gramless/call/arguments.cpp",
        "if (columns_of(x) == columns_of(y) ||",
        "if (columns_of(x) <= columns_of(y) ||",
        "tests/torch/arguments_test.py::test_shapes",
    ),
    Mutant(
        "A message names the argument.",
        "gramless/call/arguments.cpp",
        'result.push_back({{"y", p}, &arguments.y[p]});',
        'result.push_back({{"x", p}, &arguments.y[p]});',
        "tests/torch/arguments_test.py::test_types",
    ),
    Mutant(
        "What is not supported is a NotImplementedError.",
        "python/src/module.cpp",
        "PyErr_SetString(PyExc_NotImplementedError",
        "PyErr_SetString(PyExc_RuntimeError",
        "tests/torch/formulas_test.py::test_long_lists_are_not_supported",
    ),
    Mutant(
        "A sparse tensor is a TypeError.",
        "python/gramless/torch/arguments.py",
        "if value.layout != torch.strided:",
        "if value.layout == torch.sparse_csr:",
        "tests/torch/arguments_test.py::test_types",
    ),
    Mutant(
        "A tensor whose memory is missing is a RuntimeError.",
        "python/gramless/torch/arguments.py",
        "untyped_storage().nbytes() >= size",
        "untyped_storage().nbytes() >= 0",
        "tests/torch/memory_test.py::test_storage_that_is_too_small",
    ),
    Mutant(
        "A device without an engine is an error, and no fallback.",
        "gramless/call/run.cpp",
        "if (backend == Backend::cuda) {\n    cuda::check_driver(",
        "if (backend == Backend::cuda && !is_cpu) {\n    cuda::check_driver(",
        "tests/torch/arguments_test.py::test_no_engine_for_cuda",
    ),
    Mutant(
        "A kernel is a value: its attributes do not change.",
        "python/gramless/torch/kernel.py",
        "def __setattr__(self, name: str, value: object) -> NoReturn:\n"
        "        self._refuse_to_change(name)",
        "def __setattr__(self, name: str, value: object) -> NoReturn:\n"
        "        object.__setattr__(self, name, value)",
        "tests/torch/kernels_test.py::test_no_attribute_changes",
    ),
    Mutant(
        "A gradient for each of vmap's problems is of its own.",
        "python/gramless/torch/batching.py",
        "elif position in like:",
        "elif False:",
        "tests/torch/transforms_test.py::test_vmap_over_any_dimension",
    ),
    Mutant(
        "Dimensions of a batch are aligned at their ends below vmap.",
        "python/gramless/torch/batching.py",
        "return tensor.reshape(problems, *between, *shape)",
        "return tensor",
        "tests/torch/transforms_test.py::test_vmap_over_any_dimension",
    ),
    Mutant(
        "A logarithm's sum has a tangent of its own.",
        "python/gramless/torch/map_reduce.py",
        "results = output[:2] if state else output",
        "results = output[:1] if state else output",
        "tests/torch/transforms_test.py::test_nested_transforms",
    ),
    Mutant(
        "torch.jit.trace is refused.",
        "python/gramless/torch/transforms.py",
        "if torch.jit.is_tracing():",
        "if False:",
        "tests/torch/traces_test.py::test_torch_jit_is_refused",
    ),
    Mutant(
        "A trace holds the operator.",
        "python/gramless/torch/transforms.py",
        "torch._C._len_torch_dispatch_stack() > 0",
        "False",
        "tests/torch/traces_test.py"
        "::test_symbolic_traces_of_gradients_serve_all_sizes",
    ),
    Mutant(
        "A graph leaves M and N open.",
        "python/gramless/torch/map_reduce.py",
        "if has_memory(tensor):\n        address",
        "if True:\n        address",
        "tests/torch/compile_test.py::test_one_graph_for_all_sizes",
    ),
    Mutant(
        "An exported program takes own formulas along.",
        "python/gramless/torch/kernel.py",
        'kernel._set_name(definition["kernel"], CATALOGUE | own)',
        'kernel._set_name(definition["kernel"], CATALOGUE)',
        "tests/torch/traces_test.py"
        "::test_exported_programs_run_in_another_process",
    ),
    Mutant(
        "The operator has derivatives in forward mode.",
        "python/gramless/torch/operators.py",
        '    "FuncTorchDynamicLayerFrontMode": _differentiate,\n',
        "",
        "tests/torch/traces_test.py::test_transforms_of_exported_programs",
    ),
    Mutant(
        "A message points at characters.",
        "gramless/base/text.cpp",
        "return static_cast<std::size_t>(count_characters("
        "text.substr(0, byte)));",
        "return byte;",
        "Text.PointsAtCharactersAndNotBytes",
    ),
    Mutant(
        "torch.compile makes a product a node of its graph.",
        "python/gramless/torch/kernel_product/__init__.py",
        "if torch.compiler.is_dynamo_compiling():",
        "if False:",
        "tests/torch/compile_test.py::test_graph_without_a_compiler",
    ),
    Mutant(
        "A graph goes by the formulas that there are.",
        "python/gramless/torch/formulas.py",
        'self.own = repr(changed) if changed else ""',
        'self.own = ""',
        "tests/torch/compile_test.py"
        "::test_graph_goes_by_the_formulas_that_there_are",
    ),
    Mutant(
        "A wrong call in a graph has its own message.",
        "python/gramless/torch/compiled.py",
        'if is_traced(()) and str(error).startswith("kernel_product(): "):',
        "if False:",
        "tests/torch/compile_test.py::test_messages",
    ),
    Mutant(
        "A hostile name is refused at once.",
        "gramless/text/syntax.cpp",
        "if (++leaves_ > most) {",
        "if (++leaves_ > 1000 * most) {",
        "KernelReader.RefusesHostileNamesAtOnce",
    ),
    Mutant(
        "The name of a kernel in another library is answered by the one here.",
        "gramless/formula/kernel_reader.cpp",
        "did_you_mean(names_here(syntax.name, names));",
        "did_you_mean(syntax.name, names);",
        "tests/torch/conventions_test.py::test_name_there_is_answered_by",
    ),
]

MANNERS = [
    Mutant(
        "A fork finds no lock taken.",
        "gramless/base/fork_lock.cpp",
        "pthread_atfork(lock_all, unlock_all, become_child)",
        "pthread_atfork(nullptr, nullptr, nullptr)",
        "Fork.DuringFirstCallsOfThreads",
    ),
    Mutant(
        "Products run on the threads of torch.",
        "python/src/openmp.cpp",
        """(RTLD_DEFAULT, "GOMP_parallel")""",
        """(RTLD_DEFAULT, "GOMP_none")""",
        "tests/torch/manners_test.py::test_runs_on_the_threads_of_torch",
    ),
    Mutant(
        "A child of a fork waits for no thread of torch's.",
        "python/src/openmp.cpp",
        "if (fork_depth() > 0) return {};",
        "",
        "tests/torch/fork_test.py::test_children",
    ),
    Mutant(
        "Where a pool runs nothing, the caller does.",
        "gramless/base/threads.cpp",
        "work();  // What is left where it was called on no thread.",
        "",
        "Threads.OfAPoolRunEachTaskOnce",
    ),
    Mutant(
        "Rows are read to the last one, and not beyond.",
        "gramless/codegen/strided_code.cpp",
        "static_cast<uint64_t>(lanes - 2)",
        "static_cast<uint64_t>(0 * lanes)",
        "*StridedCode.CopiesRowsBetweenAllLayouts*",
    ),
    Mutant(
        "A signal stops a call.",
        "python/src/module.cpp",
        "if (PyErr_CheckSignals() != 0) throw nb::python_error();",
        "",
        "tests/torch/process_test.py::test_interrupt",
    ),
    Mutant(
        "A task looks for interrupts between its chunks.",
        "gramless/backend/cpu/sweep.cpp",
        "if (must_stop()) return;",
        "if (at == begin && must_stop()) return;",
        "KernelProduct.LooksForInterruptsBetweenChunks",
    ),
    Mutant(
        "Sums over rows count each row once.",
        "gramless/codegen/tile_code.cpp",
        "sum = mask == nullptr ? after",
        "sum = true ? after",
        "tests/torch/one_sweep_test.py::test_special_values_count_once",
    ),
    Mutant(
        "Tasks add to a column's sum in one order.",
        "gramless/backend/cpu/sweep.cpp",
        "if (task > band * band_length()) wait_for(task - 1, chunk);",
        "",
        "SweepOfBothAxes.AddsTheRowsOfAColumnInOrder",
    ),
    Mutant(
        "Sums over rows are cleared behind each task.",
        "gramless/codegen/crossed_code.cpp",
        "registers_.store(llvm::Constant::getNullValue(type), address);",
        "",
        "tests/torch/one_sweep_test.py::test_rows_of_any_number",
    ),
    Mutant(
        "A sum that all rows share counts each row once.",
        "gramless/codegen/tile_code.cpp",
        "if (masks_[row] != nullptr) {",
        "if (false) {",
        "tests/torch/one_sweep_test.py::test_rows_of_any_number",
    ),
    Mutant(
        "Elements that are left over are summed.",
        "gramless/codegen/many_elements_code.cpp",
        "emit_groups(around.environment(), first, whole, extent, 1);",
        "emit_groups(around.environment(), first, whole, whole, 1);",
        "tests/torch/many_elements_test.py::test_columns_of_any_number",
    ),
    Mutant(
        "Each element has sums of its own.",
        "gramless/codegen/many_elements_code.cpp",
        "subspan(k * rows, rows)",
        "subspan(0, rows)",
        "tests/torch/many_elements_test.py::test_columns_of_any_number",
    ),
    Mutant(
        "Packed alone or in a vector, a number has the same bits.",
        "gramless/codegen/pack_code.cpp",
        "target.isa = VectorIsa::baseline;",
        "",
        "tests/torch/bits_test.py::test_exponents_have_one_value",
    ),
    Mutant(
        "Vectors of rows end with the last row.",
        "gramless/codegen/strided_code.cpp",
        "offsets_of_rest_, offsets_);",
        "offsets_, offsets_);",
        "Checked.FindsNothingInAnyPlan",
    ),
    Mutant(
        "Vectors next to each other in memory end with the last row.",
        "gramless/codegen/strided_code.cpp",
        "static_cast<uint64_t>(lanes - 2)",
        "static_cast<uint64_t>(lanes - 3)",
        "tests/torch/one_sweep_test.py::test_rows_next_to_each_other",
    ),
    Mutant(
        "What problems share of a gradient is their sum.",
        "gramless/call/batch.cpp",
        "to[k] += from[k];",
        "to[k] = from[k];",
        "tests/torch/batches_test.py::test_values_and_gradients",
    ),
    Mutant(
        "Threads share a batch without changing bits.",
        "gramless/call/batch.cpp",
        "results[k] = result.room(at);",
        "results[k] = result.room(at % 2);",
        "tests/torch/batches_test.py::test_values_and_gradients",
    ),
    Mutant(
        "Results that problems share are computed in float64.",
        "gramless/call/batch.cpp",
        "double* to = sums_.data() + result_.part_of(problem) * width_;",
        "double* to = sums_.data() + result_.part_of(problem) * width_;\n"
        "    for (int64_t k = 0; k < width_; ++k) to[k] = float(to[k]);",
        "tests/torch/batches_test.py::test_shared_gradients_are_summed_in_float64",
    ),
    Mutant(
        "All bands of rows are added to a column's sum.",
        "gramless/backend/cpu/sweep.cpp",
        "for (int64_t band = 0; band < bands; ++band) {",
        "for (int64_t band = 0; band < 1; ++band) {",
        "tests/torch/one_sweep_test.py::test_rows_of_any_number",
    ),
    Mutant(
        "Distances are expanded for near points alone.",
        "gramless/plan/sweeps.cpp",
        "return radius <= kLargestRadius;",
        "return radius >= 0;",
        "tests/torch/centre_test.py::test_far_points_are_not_expanded",
    ),
    Mutant(
        "No distance under a root is expanded.",
        "gramless/transform/centre.cpp",
        "return is_known && is_smooth(user);",
        "return is_smooth(user);",
        "tests/torch/centre_test.py::test_kernels_with_roots_are_not_expanded",
    ),
    Mutant(
        "Points are centred before distances are expanded.",
        "gramless/transform/centre.cpp",
        "return pool.load(point->argument, point->indices) - mean;",
        "return pool.load(point->argument, point->indices);",
        "tests/torch/centre_test.py::test_far_points_are_not_expanded",
    ),
    Mutant(
        "Sums over long axes are added up in blocks.",
        "gramless/codegen/block_code.cpp",
        "ir_, {ir_.getInt64(0), extent, block}, zeros,",
        "ir_, {ir_.getInt64(0), extent, block = extent}, zeros,",
        "tests/torch/centre_test.py::test_exponents_are_off_by_four_roundings",
    ),
    Mutant(
        "Derivatives expand distances where the function does.",
        "gramless/call/function.cpp",
        "  state.centre_steps = function.centre_steps;\n",
        "",
        "tests/torch/centre_test.py::test_exponents_have_one_value",
    ),
    Mutant(
        "Gradients of both axes take one sweep.",
        "gramless/plan/sweeps.cpp",
        "if (crossed_width(ways[0]) <= kMostElements &&",
        "if (crossed_width(ways[0]) <= 0 &&",
        "tests/torch/one_sweep_test.py::test_gradients_share_a_sweep",
    ),
    Mutant(
        "Other Python threads run during a call.",
        "python/src/module.cpp",
        "const nb::gil_scoped_release no_gil;",
        "",
        "tests/torch/process_test.py::test_other_threads_run_during_a_call",
    ),
    Mutant(
        "The M-by-N matrix is never held.",
        "gramless/backend/cpu/sweep.cpp",
        "call_ = buffer(bytes(ready_.call_elements));",
        "call_ = buffer(bytes(ready_.call_elements) + rows_ * reduced_);",
        "tests/torch/process_test.py::test_memory_of_a_call",
    ),
    Mutant(
        "Compiled code is bounded in number.",
        "gramless/base/bounded_table.h",
        "if (entries_.size() > capacity_) {",
        "if (entries_.size() > 1000 * capacity_) {",
        "BoundedTable.KeepsWhatWasUsedLast",
    ),
    Mutant(
        "Compiled code goes by its dtype.",
        "gramless/plan/plan.cpp",
        'concat(dtype_name(shape.dtype), " ", shape.lanes,',
        'concat("", " ", shape.lanes,',
        "CompiledSweep.IsSharedByProgramsOfOneStructure",
    ),
    Mutant(
        "Compiled code goes by the widths of its axes.",
        "gramless/plan/plan.cpp",
        'key += concat(name, ":", extent, "\\n");',
        "key += name;",
        "SweepCode.IsOneForEachKeyOfNames",
    ),
    Mutant(
        "Compiled code goes by the processor's instructions.",
        "gramless/backend/cpu/compiled_sweep.cpp",
        "code_key(program, shape) + target.features",
        "code_key(program, shape)",
        "CompiledSweep.IsSharedByProgramsOfOneStructure",
    ),
    Mutant(
        "A quota of processors limits the threads.",
        "gramless/base/threads.cpp",
        "(a + b - 1) / b",
        "a / b",
        "ControlGroups.LimitProcessors",
    ),
    Mutant(
        "OMP_NUM_THREADS sets the number of threads.",
        "gramless/base/threads.cpp",
        "if (threads > 0) return threads;",
        "if (threads > 0 && view.empty()) return threads;",
        "Threads.AreAsManyAsTheEnvironmentSays",
    ),
    Mutant(
        "An exception of a task comes to the caller.",
        "gramless/base/threads.cpp",
        "if (failure) std::rethrow_exception(failure);",
        "",
        "Threads.HandOnTheException",
    ),
    Mutant(
        "An import sets nothing in the process.",
        "python/src/module.cpp",
        "register_exceptions();\n  // Graphs",
        'register_exceptions();\n  setenv("GRAMLESS", "1", 1);\n  // Graphs',
        "tests/torch/manners_test.py::test_import_starts_nothing",
    ),
    Mutant(
        "Each saved tensor is unpacked once.",
        "python/gramless/torch/map_reduce.py",
        "shape = tensors[k].shape",
        "shape = ctx.saved_tensors[k].shape",
        "tests/torch/transforms_test.py"
        "::test_each_saved_tensor_is_unpacked_once",
    ),
    Mutant(
        "Views that keep a sign apart are read with it.",
        "python/gramless/torch/map_reduce.py",
        "any(tensor.is_neg() for tensor in tensors)",
        "False",
        "tests/torch/memory_test.py::test_views_with_a_sign_apart",
    ),
    Mutant(
        "explain() shows the kernel's own name.",
        "gramless/call/function.cpp",
        'std::string text = function.title() + "\\n";',
        'std::string text = function.state().key + "\\n";',
        "tests/torch/tensors_test.py::test_explain_shows_the_kernels_own_name",
    ),
    Mutant(
        "A process that ends with kernels says nothing.",
        "python/src/module.cpp",
        "nb::set_leak_warnings(false);",
        "nb::set_leak_warnings(true);",
        "tests/torch/process_test.py::test_says_nothing",
    ),
    Mutant(
        "The module shows no LLVM.",
        "python/src/exports.map",
        "local: *;",
        "",
        "tests/torch/manners_test.py::test_module_shows_no_llvm",
    ),
    Mutant(
        "Kernels are equal if they say the same.",
        "python/gramless/torch/kernel.py",
        "return self._core and self._core.digest, tuple(routines)",
        "return self._core and self._core.name, tuple(routines)",
        "tests/torch/kernels_test.py::test_equal",
    ),
]

CUDA = [
    Mutant(
        "The context that was current is so again behind a launch.",
        "gramless/backend/cuda/context.cpp",
        "  if (!is_pushed_) return;\n",
        "  return;\n",
        "CudaLaunch.TakesTheContextOfTheStream",
    ),
    Mutant(
        "A context at the address of another one loads its own modules.",
        "gramless/backend/cuda/launch.cpp",
        'concat(context.id, " ", text.number())',
        'concat(reinterpret_cast<uint64_t>(context.handle), " ", '
        "text.number())",
        "CudaLaunch.KnowsAContextAtTheAddressOfAnother",
    ),
    Mutant(
        "Code that a graph points to stays loaded.",
        "gramless/backend/cuda/launch.cpp",
        "if (!is_kept) captured_.push_back(module);",
        "",
        "CudaLaunch.KeepsWhatGraphsPointTo",
    ),
    Mutant(
        "A module may be loaded while a stream is captured.",
        "gramless/backend/cuda/context.h",
        "CaptureMode mode_ = CaptureMode::relaxed;",
        "CaptureMode mode_ = CaptureMode::thread_local_only;",
        "CudaLaunch.LoadsAModuleWhileAStreamIsCaptured",
    ),
    Mutant(
        "A module whose kernels cannot be found is unloaded.",
        "gramless/backend/cuda/module.cpp",
        "        driver.try_call(driver.functions().unload_module, handle_));",
        "        handle_);",
        "CudaErrors.OfEachCallInTurnAreToldAndLeakNothing",
    ),
    Mutant(
        "No function of the driver is called in a child.",
        "gramless/base/fork_lock.cpp",
        "  ++depth;\n",
        "",
        "CudaLaunch.RefusesChildrenOfFork",
    ),
    Mutant(
        "A driver that is too old is named with its version.",
        "gramless/backend/cuda/driver.cpp",
        "constexpr int kOldestVersion = 12000;",
        "constexpr int kOldestVersion = 11000;",
        "CudaDriver.NamesAVersionThatIsTooOld",
    ),
    Mutant(
        "The doctor says that a result is wrong.",
        "gramless/call/doctor.cpp",
        "report.error = relative_error(actual, expected);",
        "report.error = relative_error(expected, expected);",
        "Doctor.TriesEachEngine",
    ),
    Mutant(
        "On a GPU too, sums over rows count each row once.",
        "gramless/codegen/tile_steps.cpp",
        "ahead_.CreateICmpSGE(ahead_.getInt64(row), first)",
        "ahead_.CreateICmpSGE(first, ahead_.getInt64(0 * row))",
        "*GridKernels.AreComputed*",
    ),
    Mutant(
        "No thread reads a chunk before all have packed it.",
        "gramless/codegen/cuda/sweep_kernel.cpp",
        "synchronize();\n    set_field(panels_",
        "set_field(panels_",
        "*GridKernels.AreComputed*",
    ),
    Mutant(
        "All parts of a row are merged.",
        "gramless/codegen/cuda/finish_kernel.cpp",
        "for_each(number(1), parameter(offsetof(GridParameters, splits))",
        "for_each(number(2), parameter(offsetof(GridParameters, splits))",
        "Reductions.ScalesDoNotDrift",
    ),
    Mutant(
        "On a GPU each problem of a batch has its own arrays.",
        "gramless/codegen/cuda/kernel_code.cpp",
        "ir_.CreateMul(problem_, parameter(strides",
        "ir_.CreateMul(number(0), parameter(strides",
        "*GridBatches.OfAnyFormAreComputed*",
    ),
    Mutant(
        "On a GPU each problem of a batch has its own workspace.",
        "gramless/codegen/cuda/kernel_code.cpp",
        "problem_, parameter(offsetof(GridParameters, layout.bytes))",
        "number(0), parameter(offsetof(GridParameters, layout.bytes))",
        "*GridBatch.SumsGradientsOfAllThatProblemsShare*",
    ),
    Mutant(
        "Sums over problems do not depend on what a launch takes.",
        "gramless/codegen/cuda/batch_launches.cpp",
        "slab.is_first[part] ? 0 : 1",
        "0",
        "*GridBatch.SumsGradientsOfAllThatProblemsShare*",
    ),
    Mutant(
        "Dimensions become one only where each array has one stride.",
        "gramless/plan/slabs.cpp",
        "is_one &= last",
        "is_one |= last",
        "Slabs.AreAllProblemsInTheirOrder",
    ),
    Mutant(
        "A module has all its kernels, whichever the first call launches.",
        "gramless/codegen/cuda/grid_code.cpp",
        "std::vector<std::string> names = {kSweepKernel};",
        "std::vector<std::string> names;\n"
        "  if (plan.blocks > 0) names = {kSweepKernel};",
        "CudaBatch.FindsAllKernelsBehindACallOfNoRows",
    ),
    Mutant(
        "A gaussian in three dimensions takes 9 instructions for a pair.",
        "gramless/codegen/vector_math.cpp",
        "return is_cuda_ && is_float32(x);",
        "return is_cuda_ && !is_float32(x);",
        "Ptx.TakesNineInstructionsForAPair",
    ),
    Mutant(
        "explain() tells the special functions of a GPU apart.",
        "gramless/codegen/cost.cpp",
        "return intrinsic == llvm::Intrinsic::nvvm_ex2_approx_ftz ||",
        "return",
        "Cost.CountsTheSlotsOfAGpu",
    ),
]

MUTANTS = (
    SUMS
    + DISTANCES
    + DERIVATIVES
    + LOG_DOMAIN
    + MACHINE
    + ERRORS
    + MANNERS
    + CUDA
)
