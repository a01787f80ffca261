// SPDX-License-Identifier: MIT
// What a backend does: run programs on arrays.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/call.h"
#include "gramless/codegen/target.h"
#include "gramless/lower/program.h"
#include "gramless/plan/plan.h"

namespace gramless {

/// The numbers of targets (i) and sources (j).
struct Sizes {
  int64_t M = 0;
  int64_t N = 0;
};

/// Choices that tests force.
struct ForcedChoices {
  VectorIsa most =
      VectorIsa::avx512;  // The vector instructions to use at most.
  PlanOverrides plan = {};
};

struct RunOptions {
  int threads = 0;  // 0: default_thread_count()
  std::function<void()> interrupt = {};
  ForcedChoices forced = {};
};

/// Runs a program. `arguments` and `results` stand in the order of the
/// program's; each view has the shape (rows, elements) where its array has i or
/// j, and (elements,) or () where it has neither. The views were checked.
using RunProgram = void (*)(const Program& program, Sizes sizes,
                            std::span<const ArrayView> arguments,
                            std::span<const MutableArrayView> results,
                            const RunOptions& options);

namespace reference {

/// Plain loops in float64, threaded over rows: the meaning of a program.
void run(const Program& program, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options);

}  // namespace reference

namespace cpu {

/// Compiled code for this processor, threaded over tiles. The functions in the
/// program must be ones that the code generator knows: see expand().
void run(const Program& program, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options);

/// Returns the plan of a program with the reason of each choice, and the code
/// if asked for.
std::string explain(const Program& program, Sizes sizes, DType dtype,
                    CodeText code, const RunOptions& options);

}  // namespace cpu

namespace checked {

/// A program, and what is to be compared with it.
struct CheckedProgram {
  const Program& program;
  /// The same for the reference backend.
  const Program& reference;
  /// Sums of the absolute terms, likewise.
  const Program& magnitudes;
};

/// Runs a program by another engine: twice, on copies of the arguments that
/// lie between guard pages. Throws InternalError if an element was not
/// written, an argument was, two runs differ, or a result is not near the
/// reference's.
void run(RunProgram engine, const CheckedProgram& checked, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options);

}  // namespace checked
}  // namespace gramless
