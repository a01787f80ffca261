# SPDX-License-Identifier: MIT
"""Which terms a sum has, and how it is rounded."""

from .mutant import Mutant

MUTANTS = [
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
        "rows{first + tile.first, tile.count,",
        "rows{first + tile.first + 1, tile.count,",
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
        "gramless/backend/states.cpp",
        "for (int64_t row = 0; row < rows.rows_; ++row) {",
        "for (int64_t row = 0; row < 1; ++row) {",
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
