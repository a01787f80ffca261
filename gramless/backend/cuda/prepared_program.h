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

/// A program with its plan and code for calls of some sizes and a dtype on a
/// device.
struct ReadyGrid {
  /// Plans, and writes PTX or finds it among what was written before.
  ReadyGrid(const Driver& driver, const Program& program, Sizes for_sizes,
            DType for_dtype, int on_device);

  [[nodiscard]] bool is_for(Sizes others, DType other_dtype,
                            int other_device) const;

  Sizes sizes;
  DType dtype;
  int device;
  GridPlan plan;
  int architecture;
  /// Null where there is nothing to launch.
  std::shared_ptr<const ModuleText> text;
};

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
