// SPDX-License-Identifier: MIT
// Tests what stands in for CUDA in builds without it. A program of its own, for
// the functions have the names of those that the engine has.
#include <gtest/gtest.h>

#include "gramless/backend/backend.h"
#include "gramless/backend/cuda/engine.h"
#include "gramless/error.h"

namespace gramless::cuda {
namespace {

TEST(NoCuda, RefusesABackend) {
  try {
    check_driver("backend 'GPU_2D'", "Take another one.");
    FAIL() << "no error";
  } catch (const DeviceError& error) {
    EXPECT_STREQ(error.what(),
                 "kernel_product(): backend 'GPU_2D': expected an engine for "
                 "CUDA, got none: this build of Gramless runs on the CPU only. "
                 "Take another one.");
  }
}

TEST(NoCuda, HasNoCode) {
  EXPECT_THROW(explain({}, {}, DType::float32, "sm_80"), CompileError);
}

TEST(NoCuda, LooksForNoDriver) {
  const DriverReport report = driver_report();
  EXPECT_EQ(report.library, "");
  EXPECT_EQ(report.problem, "this build of Gramless runs on the CPU only");
  EXPECT_TRUE(report.devices.empty());
}

}  // namespace
}  // namespace gramless::cuda
