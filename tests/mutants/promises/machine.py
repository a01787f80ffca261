# SPDX-License-Identifier: MIT
"""What the processor's numbers, and the code for it, keep."""

from .mutant import Mutant

MUTANTS = [
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
