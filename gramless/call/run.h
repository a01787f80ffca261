// SPDX-License-Identifier: MIT
// Runs functions: a map-reduce, or a list of them.
#pragma once

#include <span>

#include "gramless/call/function.h"

namespace gramless {

/// What a run depends on beside its arrays.
struct RunPlace {
  Backend backend = Backend::automatic;
  Device device;
  Sizes sizes;
  DType dtype = DType::float64;
  RunOptions how;
};

/// Runs a function on checked arrays. Where it has steps for centred points,
/// those tell whether they are near enough.
void run(const ArrayFunction::State& function, const RunPlace& place,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results);

/// Runs a function on all problems of a batch on a device, each with the bits
/// that it has alone. It computes what problems share in float64.
void run_on_device(const ArrayFunction::State& function, const RunPlace& place,
                   const Batch& batch);

}  // namespace gramless
