// SPDX-License-Identifier: MIT
// What runs the kernels of grids in tests: an emulation, or a device.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gramless/backend/backend.h"
#include "gramless/codegen/cuda/batch_launches.h"

namespace gramless::testing {

/// What a run is planned for, and what its launches may take.
struct GridChoices {
  GridDevice device = {};
  GridOverrides overrides = {};
  BatchLimits limits = {};
};

/// A small device, so that little work is split, in blocks of a few threads.
GridChoices small_grid();

/// The same where each block takes several tiles, and all memory of threads is
/// in the workspace.
GridChoices few_blocks();

/// Returns choices with a plan's that a test forces on all backends.
GridChoices with_forced(GridChoices choices, const ForcedChoices& forced);

class GridExecutor {
 public:
  virtual ~GridExecutor() = default;

  /// Returns why nothing can run here; an empty text where it can.
  [[nodiscard]] virtual std::string problem() const = 0;

  /// Returns the choices that tests run with in turn.
  [[nodiscard]] virtual std::vector<GridChoices> choices() const = 0;

  /// Runs a program for all problems of a batch. The program computes results
  /// that problems share in float64.
  void run(const Program& program, Sizes sizes, const Batch& batch,
           const GridChoices& choices);

  /// Returns how many programs have run so, and how many launches they took.
  [[nodiscard]] int64_t sweeps() const { return sweeps_; }
  [[nodiscard]] int64_t launches() const { return launches_; }

 private:
  /// Runs all launches; returns how many there were.
  virtual int64_t run_launches(const Program& program, const GridPlan& plan,
                               const Batch& batch,
                               const BatchLimits& limits) = 0;

  int64_t sweeps_ = 0;
  int64_t launches_ = 0;
};

/// Runs a program without crossed outputs on arrays.
using RunSweep = std::function<void(const Program& program, Sizes sizes,
                                    std::span<const ArrayView> arguments,
                                    std::span<const MutableArrayView> results)>;

/// Returns what runs programs by an executor.
RunSweep run_by(GridExecutor& executor, const GridChoices& choices);

}  // namespace gramless::testing
