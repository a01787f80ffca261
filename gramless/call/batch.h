// SPDX-License-Identifier: MIT
// Batches on the CPU: how leading dimensions broadcast, and how problems run.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "gramless/backend/backend.h"
#include "gramless/base/batched_array.h"

namespace gramless {

/// Broadcasts leading dimensions, aligned at their ends, to those of a batch;
/// returns false where they do not fit.
bool broadcast(std::vector<int64_t>& batch, std::span<const int64_t> leading);

/// Returns the leading dimensions of all arrays, broadcast. They were checked.
std::vector<int64_t> batch_of(std::span<const ArrayView> arrays);

/// Runs one problem.
using RunProblem = std::function<void(std::span<const ArrayView> arguments,
                                      std::span<const MutableArrayView> results,
                                      const RunOptions& how)>;

/// Runs all problems of a batch, each with the bits that it has alone. What
/// problems share of a result gets the sum of theirs, added in their order in
/// float64: `run` computes such results in float64.
void run_batch(const Batch& batch, const RunProblem& run,
               const RunOptions& how);

}  // namespace gramless
