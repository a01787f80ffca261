// SPDX-License-Identifier: MIT
// The CUDA driver and its devices, as the other layers see them.
#include "gramless/backend/cuda/engine.h"

#include <dlfcn.h>

#include <list>

#include "gramless/backend/cuda/device_memory.h"
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

void run_on_device(int device, std::span<const std::span<const float>> inputs,
                   std::span<float> result, const RunWithCopies& run) {
  const Driver& driver = launcher().driver();
  std::list<DeviceMemory> memory;
  const auto allocate = [&](std::size_t bytes) -> DeviceMemory& {
    return memory.emplace_back(driver, device, bytes);
  };
  std::vector<void*> addresses;
  for (const std::span<const float> input : inputs) {
    DeviceMemory& copy = allocate(input.size_bytes());
    copy.fill(input.data());
    addresses.push_back(copy.data());
  }
  const DeviceMemory& output = allocate(result.size_bytes());
  run(addresses, output.data(), [&](int64_t bytes) {
    return allocate(static_cast<std::size_t>(bytes)).data();
  });
  output.read(result.data());
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
