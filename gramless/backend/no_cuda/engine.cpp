// SPDX-License-Identifier: MIT
// Stands in for the folder cuda/ in builds without it.
#include "gramless/backend/cuda/engine.h"

#include "gramless/backend/backend.h"
#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless::cuda {

void check_driver(std::string_view asked, std::string_view advice) {
  throw DeviceError(concat(
      "kernel_product(): ", asked,
      ": expected an engine for CUDA, got none: this build of Gramless runs on "
      "the CPU only.",
      advice.empty() ? "" : " ", advice));
}

struct ReadyGrid {};

PreparedProgram::PreparedProgram(Program program)
    : program_(std::move(program)) {}

PreparedProgram::PreparedProgram(PreparedProgram&& other) noexcept = default;

PreparedProgram::~PreparedProgram() = default;

void run(std::span<const PreparedProgram> /*programs*/, Sizes /*sizes*/,
         DType /*dtype*/, const Batch& /*batch*/,
         const RunOptions& /*options*/) {
  check_driver("arrays on a CUDA device");
}

std::string explain(const Program& /*program*/, Sizes /*sizes*/,
                    DType /*dtype*/, std::string_view /*arch*/) {
  throw CompileError(
      "explain(): expected a build with code for GPUs, got one without. Build "
      "Gramless with GRAMLESS_CUDA=ON.");
}

void run_on_device(int /*device*/,
                   std::span<const std::span<const float>> /*inputs*/,
                   std::span<float> /*result*/, const RunWithCopies& /*run*/) {
  check_driver("memory on a device");
}

DriverReport driver_report() {
  return {.problem = "this build of Gramless runs on the CPU only"};
}

}  // namespace gramless::cuda
