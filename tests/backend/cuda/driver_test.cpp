// SPDX-License-Identifier: MIT
// Tests how the driver is found, and how its errors are told.
#include "gramless/backend/cuda/driver.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/cuda/fake_driver.h"
#include "gramless/backend/cuda/engine.h"
#include "gramless/backend/cuda/launch.h"
#include "gramless/backend/cuda/report.h"
#include "gramless/call.h"

namespace gramless::cuda {
namespace {

/// Returns the text of the DeviceError that a function throws.
template <class F>
std::string error_of(const F& function) {
  try {
    function();
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "no error";
}

std::string error_of(const FakeDriver& fake) {
  return error_of([&] { const Driver driver(fake.find()); });
}

TEST(CudaDriver, NamesTheLibraryThatIsMissing) {
  EXPECT_EQ(
      error_of([] { open_library("libgramless_missing.so.1"); }),
      "expected NVIDIA's CUDA driver, got none: libgramless_missing.so.1: "
      "cannot open shared object file: No such file or directory. "
      "Install the driver.");
}

TEST(CudaDriver, NamesTheFunctionThatALibraryLacks) {
  EXPECT_EQ(error_of([] { const Driver driver(open_library("libm.so.6")); }),
            "expected a CUDA driver with the function cuDriverGetVersion, got "
            "one without it. Install a newer one.");
}

TEST(CudaDriver, NeedsEachOfItsFunctions) {
  FakeDriver fake;
  {
    const Driver driver(fake.find());
  }
  for (const char* name : {"cuInit", "cuCtxGetId", "cuLaunchKernel"}) {
    fake.missing = name;
    EXPECT_EQ(error_of(fake),
              concat("expected a CUDA driver with the function ", name,
                     ", got one without it. Install a newer one."));
  }
}

TEST(CudaDriver, NamesAVersionThatIsTooOld) {
  FakeDriver fake;
  fake.version = 11080;
  fake.missing = "cuCtxGetId";  // Such a driver lacks it.
  EXPECT_EQ(error_of(fake),
            "expected a driver for CUDA 12.0 or later, got one for CUDA 11.8. "
            "Install a newer one.");
  EXPECT_EQ(fake.calls, std::vector<std::string>{"cuDriverGetVersion"});
  fake.version = 12000;
  fake.missing.clear();
  EXPECT_EQ(Driver(fake.find()).version(), "12.0");
}

TEST(CudaDriver, TellsTheErrorOfACall) {
  FakeDriver fake;
  fake.failing_call = 1;
  EXPECT_EQ(error_of(fake),
            "expected cuInit to succeed, got CUDA_ERROR_UNKNOWN (unknown "
            "error).");
  const Driver driver(fake.find());
  EXPECT_EQ(error_of([&] { static_cast<void>(driver.device(5)); }),
            "expected cuDeviceGet to succeed, got CUDA_ERROR_OF_THE_FAKE (a "
            "wrong call).");
  fake.knows_errors = false;
  EXPECT_EQ(error_of([&] { static_cast<void>(driver.device(5)); }),
            "expected cuDeviceGet to succeed, got error 101 (unknown to the "
            "driver).");
}

TEST(CudaDriver, AsksForOtherChildrenWhereTheParentUsedCuda) {
  FakeDriver fake;
  fake.failing_call = 1;
  fake.failure = Status::not_initialized;
  EXPECT_EQ(error_of(fake),
            "expected cuInit to succeed, got CUDA_ERROR_UNKNOWN (unknown "
            "error). In a child of a process that used CUDA, use the start "
            "method 'spawn' or 'forkserver' of multiprocessing.");
}

TEST(CudaDriver, RetainsAPrimaryContextOnce) {
  FakeDriver fake;
  {
    const Driver driver(fake.find());
    const ContextHandle first = driver.primary_context(0);
    EXPECT_EQ(driver.primary_context(0), first);
    EXPECT_NE(driver.primary_context(1), first);
    EXPECT_EQ(fake.retained, (std::map<DeviceHandle, int>{{0, 1}, {1, 1}}));
  }
  EXPECT_EQ(fake.retained, (std::map<DeviceHandle, int>{{0, 0}, {1, 0}}));
  EXPECT_EQ(fake.faults, std::vector<std::string>{});
}

TEST(CudaReport, ListsDevices) {
  FakeDriver fake;
  const Driver driver(fake.find());
  DriverReport report;
  add_devices(driver, report);
  EXPECT_EQ(report.version, "12.4");
  EXPECT_NE(report.path, "");
  EXPECT_EQ(report.problem, "");
  ASSERT_EQ(report.devices.size(), 2U);
  EXPECT_EQ(report.devices[1].name, "cuda:1");
  EXPECT_EQ(report.devices[1].model, "Fake 1");
  EXPECT_EQ(report.devices[1].compute_capability, "9.0");
  EXPECT_EQ(report.devices[1].memory, (int64_t{80} << 30) + 1);
  EXPECT_EQ(report.devices[1].problem, "");
}

TEST(CudaReport, SaysWhatIsWrongWithADevice) {
  FakeDriver fake;
  fake.capability = {7, 0};
  const Driver driver(fake.find());
  DriverReport old;
  add_devices(driver, old);
  EXPECT_EQ(old.devices.at(0).problem,
            "expected compute capability 7.5 or later, got 7.0.");
  fake.capability = {7, 5};
  fake.failing_call = fake.calls.size() + 2;  // A name.
  DriverReport report;
  add_devices(driver, report);
  EXPECT_EQ(report.devices.at(0).problem,
            "expected cuDeviceGetName to succeed, got CUDA_ERROR_UNKNOWN "
            "(unknown error).");
  EXPECT_EQ(report.devices.at(1).problem, "");
  fake.failing_call = fake.calls.size();
  DriverReport none;
  add_devices(driver, none);
  EXPECT_EQ(none.problem,
            "expected cuDeviceGetCount to succeed, got CUDA_ERROR_UNKNOWN "
            "(unknown error).");
}

TEST(CudaEngine, SaysWhoAskedForADriverThatIsMissing) {
  const std::string problem = driver_report().problem;
  if (problem.empty()) GTEST_SKIP() << "there is a driver";
  EXPECT_EQ(error_of([] { check_backend(Backend::cuda, {}, "GPU_1D"); }),
            concat("kernel_product(): backend 'GPU_1D': ", problem,
                   " With backend='auto' it runs on the CPU."));
  EXPECT_EQ(error_of([] { check_backend(Backend::automatic, {"cuda:1"}); }),
            concat("kernel_product(): arrays on cuda:1: ", problem));
}

/// Also run with the library of tests/backend/cuda/libcuda.cpp.
TEST(CudaEngine, FindsADriver) {
  const DriverReport report = driver_report();
  if (!report.problem.empty()) GTEST_SKIP() << report.problem;
  EXPECT_NE(report.version, "");
  EXPECT_NE(report.path.find("libcuda.so"), std::string::npos);
  EXPECT_FALSE(report.devices.empty());
  EXPECT_EQ(error_of([] { check_driver("backend 'GPU'"); }), "no error");
  const pid_t child = fork();
  if (child == 0) {
    const auto names_spawn = [](const std::string& problem) {
      return problem.find("'spawn'") != std::string::npos;
    };
    const std::string error = error_of([] { check_driver("backend 'GPU'"); });
    const bool is_right =
        names_spawn(driver_report().problem) && names_spawn(error);
    _exit(is_right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace gramless::cuda
