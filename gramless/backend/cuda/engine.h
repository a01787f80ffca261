// SPDX-License-Identifier: MIT
// What a build with the engine for CUDA devices and one without it have in
// common. CMake chooses one of the folders cuda/ and no_cuda/.
#pragma once

#include <string_view>

#include "gramless/doctor.h"

namespace gramless::cuda {

/// Throws DeviceError where there is no driver that can be used. `asked` is
/// what the caller asked for, such as `backend 'GPU_1D'`; `advice` is a
/// sentence that ends the message.
void check_driver(std::string_view asked, std::string_view advice = {});

/// Returns what was found of the driver and of devices. Problems are texts.
DriverReport driver_report();

}  // namespace gramless::cuda
