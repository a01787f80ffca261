// SPDX-License-Identifier: MIT
// Stands in for the folder cuda/ in builds without it.
#include "gramless/backend/cuda/engine.h"

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless::cuda {

void check_driver(std::string_view asked) {
  throw DeviceError(concat(
      "kernel_product(): ", asked,
      ": expected an engine for CUDA, got none: this build of Gramless runs on "
      "the CPU only. Use backend='auto'."));
}

DriverReport driver_report() {
  return {.problem = "this build of Gramless runs on the CPU only"};
}

}  // namespace gramless::cuda
