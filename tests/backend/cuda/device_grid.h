// SPDX-License-Identifier: MIT
// Runs the kernels of a grid on a CUDA device, on copies of arrays.
#pragma once

#include <functional>

#include "codegen/cuda/grid_executor.h"
#include "gramless/backend/cuda/launch.h"

namespace gramless::testing {

/// Queues what runs by a launcher on its device 0. Throws a Find if an
/// argument was written to, or something beside an array or the workspace.
class DeviceGrid : public GridExecutor {
 public:
  /// `launcher` throws DeviceError where there is none.
  explicit DeviceGrid(std::function<cuda::Launcher&()> launcher)
      : launcher_(std::move(launcher)) {}

  [[nodiscard]] std::string problem() const override;

  /// As for this device, few_blocks(), and small_grid().
  [[nodiscard]] std::vector<GridChoices> choices() const override;

 protected:
  int64_t run_launches(const Program& program, const GridPlan& plan,
                       const Batch& batch, const BatchLimits& limits) override;

 private:
  std::function<cuda::Launcher&()> launcher_;
};

/// Returns that of the first device of this machine, if it has one.
GridExecutor& device_grid();

}  // namespace gramless::testing
