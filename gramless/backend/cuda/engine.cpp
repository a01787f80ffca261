// SPDX-License-Identifier: MIT
// The CUDA driver and its devices, as the other layers see them.
#include "gramless/backend/cuda/engine.h"

#include <dlfcn.h>

#include "gramless/backend/cuda/launch.h"
#include "gramless/backend/cuda/report.h"

namespace gramless::cuda {
namespace {

/// The oldest compute capability that code is generated for.
constexpr int kOldestMajor = 7;
constexpr int kOldestMinor = 5;

DeviceReport device_report(const Driver& driver, int index) {
  DeviceReport report{.name = concat("cuda:", index)};
  try {
    const DeviceFacts facts = driver.facts(index);
    report.model = facts.name;
    report.compute_capability = concat(facts.major, ".", facts.minor);
    report.memory = facts.memory;
    if (std::pair(facts.major, facts.minor) <
        std::pair(kOldestMajor, kOldestMinor)) {
      report.problem = concat("expected compute capability ", kOldestMajor, ".",
                              kOldestMinor, " or later, got ",
                              report.compute_capability, ".");
    }
  } catch (const DeviceError& error) {
    report.problem = error.what();
  }
  return report;
}

}  // namespace

void add_devices(const Driver& driver, DriverReport& report) {
  Dl_info info{};
  const auto* address =
      reinterpret_cast<const void*>(driver.functions().init.address);
  if (dladdr(address, &info) != 0) report.path = info.dli_fname;
  report.version = driver.version();
  try {
    const int count = driver.device_count();
    for (int index = 0; index < count; ++index) {
      report.devices.push_back(device_report(driver, index));
    }
  } catch (const DeviceError& error) {
    report.problem = error.what();
  }
}

DriverReport driver_report() {
  DriverReport report{.library = kDriverLibrary};
  try {
    add_devices(launcher().driver(), report);
  } catch (const DeviceError& error) {
    report.problem = error.what();
  }
  return report;
}

void check_driver(std::string_view asked, std::string_view advice) {
  try {
    // Fails in a child of a process that has a launcher.
    static_cast<void>(launcher().driver().device_count());
  } catch (const DeviceError& error) {
    throw DeviceError(concat("kernel_product(): ", asked, ": ", error.what(),
                             advice.empty() ? "" : " ", advice));
  }
}

}  // namespace gramless::cuda
