// SPDX-License-Identifier: MIT
// What a driver tells of itself and of its devices.
#pragma once

#include "gramless/backend/cuda/driver.h"
#include "gramless/doctor.h"

namespace gramless::cuda {

/// Fills in all that a driver tells.
void add_devices(const Driver& driver, DriverReport& report);

}  // namespace gramless::cuda
