// SPDX-License-Identifier: MIT
// A sweep that only its arrays are missing from.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "gramless/backend/backend.h"
#include "gramless/backend/cpu/compiled_sweep.h"

namespace gramless::cpu {

/// A program with its plan and code for calls of some sizes and a dtype.
struct ReadySweep {
  /// Plans and compiles. The program must outlive it.
  ReadySweep(const Program& program, Sizes sizes, DType dtype,
             const ForcedChoices& forced);

  [[nodiscard]] bool is_for(Sizes sizes, DType dtype,
                            const ForcedChoices& forced) const;

  const Program& program;
  Sizes sizes;
  DType dtype;
  ForcedChoices forced;
  TileShape shape;
  Schedule schedule;
  std::shared_ptr<const CompiledSweep> code;
  /// Of the axes that are loops at run time.
  std::vector<int64_t> extents;
  /// Numbers that are packed for a call, and for each position.
  int64_t call_elements;
  int64_t kept_elements;
  int64_t reduced_elements;
  /// Elements of the outputs: of those that keep the rows, of those that keep
  /// no axis, and of the crossed ones.
  int64_t kept_width;
  int64_t shared_width;
  int64_t crossed_width;
  /// Words of a state, of the output that has most.
  int64_t words;
  /// What a tile needs as scratch memory, in numbers.
  int64_t block_numbers;
  int64_t scratch_numbers;
};

/// Runs a sweep. The views were checked.
void run_sweep(const ReadySweep& sweep, std::span<const ArrayView> arguments,
               std::span<const MutableArrayView> results,
               const RunOptions& options);

}  // namespace gramless::cpu
