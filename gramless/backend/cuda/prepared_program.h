// SPDX-License-Identifier: MIT
// A program that only its arrays are missing from, on one device.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "gramless/backend/backend.h"
#include "gramless/backend/cuda/launch.h"
#include "gramless/codegen/cuda/batch_launches.h"

namespace gramless::cuda {

/// A plan of a program with its code for a device.
struct ReadyGrid {
  /// Writes PTX, or finds it among what was written before.
  ReadyGrid(const Program& program, GridPlan its_plan, const Driver& driver,
            int on_device);

  GridPlan plan;
  int device;
  int architecture;
  /// Null where there is nothing to launch.
  std::shared_ptr<const ModuleText> text;
};

/// Plans a program for calls of some sizes and a dtype on a device.
GridPlan plan_on(const Driver& driver, int device, const Program& program,
                 SweepSizes sizes, DType dtype);

/// Returns the number of a device by its name, such as 1 for `cuda:1`.
int device_index(const Device& device);

/// Returns the architecture to write PTX for, which a device of a compute
/// capability, such as 8.7, can run: 86.
int architecture_for(int major, int minor);

/// The launches of a program for a batch, and their code.
struct ReadyBatch {
  std::shared_ptr<const ReadyGrid> ready;
  BatchLaunches launches;
};

/// Queues them one after another, in one workspace.
void launch_batches(Launcher& launcher, std::span<const ReadyBatch> batches,
                    const RunOptions& options);

}  // namespace gramless::cuda
