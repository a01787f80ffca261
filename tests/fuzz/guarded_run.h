// SPDX-License-Identifier: MIT
// Runs functions on arrays that lie between guard pages.
#pragma once

#include "codegen/cuda/grid_executor.h"
#include "fuzz/bounded_evaluator.h"
#include "fuzz/stages.h"
#include "gramless/call/function.h"

namespace gramless::testing {

using Arrays = BoundedEvaluator::Arrays;

/// A function with what it means, and the values of its arguments.
struct Call {
  ArrayFunction function;
  MapReduce meaning;
  Arrays arrays;
  Sizes sizes;
  DType dtype = DType::float64;
  /// What runs its programs; nothing for the CPU.
  RunSweep engine = {};
};

/// Returns the rows of an array, 1 where it has neither i nor j.
int64_t rows_of(const ArrayForm& array, Sizes sizes);

/// Runs generated code twice, with the arrays at either end of their pages, on
/// other numbers of threads. Throws a Find if an element was not written, an
/// argument was, or the two differ. Returns the results by name.
Arrays run_between_guards(Draw& draw, const Call& call);

/// Returns the results of the reference backend.
Arrays run_reference(const Call& call);

}  // namespace gramless::testing
