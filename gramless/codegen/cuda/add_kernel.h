// SPDX-License-Identifier: MIT
// Generates the kernel that adds up results which problems of a batch share.
// This header needs no LLVM.
#pragma once

#include <cstdint>

#include "gramless/codegen/cuda/grid_code.h"

namespace gramless {

inline constexpr const char* kAddKernel = "gramless_add";

/// The parameter of the kernel: elements of a result, in row-major order, to
/// each of which it adds some terms, one after another, in float64. Elements
/// are those of one part of the result, or of several parts.
struct AddParameters {
  /// The terms of the elements, the next ones `term_stride` numbers further on.
  const double* terms = nullptr;
  int64_t term_count = 0;
  int64_t term_stride = 0;
  /// The elements' sums of the terms that earlier launches added.
  double* sums = nullptr;
  int64_t elements = 0;
  /// Whether there are terms in front of these, and behind them: 1 or 0. Sums
  /// of all terms are rounded to the result, others are kept.
  int64_t has_earlier = 0;
  int64_t has_later = 0;
  /// The first part of the result, whose dtype is float32 or float64.
  void* result = nullptr;
  int64_t is_float32 = 0;
  int64_t rows = 1;
  int64_t columns = 1;
  int64_t part_stride = 0;
  int64_t row_stride = 0;
  int64_t column_stride = 0;
};

/// Returns its launch for so many elements, one at least.
KernelLaunch add_launch(int64_t elements);

/// Generates its module.
GeneratedModule generate_add(const Target& target);

}  // namespace gramless
