// SPDX-License-Identifier: MIT
// Runs functions on the problems of a batch.
#pragma once

#include <span>

#include "gramless/call/run.h"

namespace gramless {

/// Runs a function on each problem of a batch with these leading dimensions.
void run_problems(const ArrayFunction::State& function, const RunPlace& place,
                  std::span<const int64_t> leading,
                  std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results);

}  // namespace gramless
