// SPDX-License-Identifier: MIT
// What a build with the engine for CUDA devices and one without it have in
// common. CMake chooses one of the folders cuda/ and no_cuda/.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "gramless/call.h"
#include "gramless/doctor.h"

namespace gramless::cuda {

/// Throws DeviceError where there is no driver that can be used. `asked` is
/// what the caller asked for, such as `backend 'GPU_1D'`; `advice` is a
/// sentence that ends the message.
void check_driver(std::string_view asked, std::string_view advice = {});

/// Returns what was found of the driver and of devices. Problems are texts.
DriverReport driver_report();

/// Runs something with the addresses of inputs and of a result on a device.
using RunWithCopies =
    std::function<void(std::span<void* const> inputs, void* result,
                       const TakeWorkspace& workspace)>;

/// Copies inputs to a device, runs something with them on its default stream,
/// and copies the result back. Nothing else allocates on a device: this is for
/// a trial where no other library is. Throws DeviceError.
void run_on_device(int device, std::span<const std::span<const float>> inputs,
                   std::span<float> result, const RunWithCopies& run);

}  // namespace gramless::cuda
