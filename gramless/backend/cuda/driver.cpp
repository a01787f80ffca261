// SPDX-License-Identifier: MIT
// Opens the CUDA driver, and turns its errors into exceptions.
#include "gramless/backend/cuda/driver.h"

#include <dlfcn.h>

#include <array>

namespace gramless::cuda {
namespace {

/// The oldest version: CUDA 12.0, whose contexts have numbers.
constexpr int kOldestVersion = 12000;

std::string version_text(int version) {
  return concat(version / 1000, ".", version % 1000 / 10);
}

/// Returns the version of a driver, before anything else of it is used.
int checked_version(const FindFunction& find) {
  const DriverFunction<int*> driver_version(find, "cuDriverGetVersion");
  int version = 0;
  if (driver_version.address(&version) != Status::success) version = 0;
  if (version >= kOldestVersion) return version;
  throw DeviceError(concat("expected a driver for CUDA ",
                           version_text(kOldestVersion),
                           " or later, got one for CUDA ",
                           version_text(version), ". Install a newer one."));
}

}  // namespace

Driver::Driver(const FindFunction& find)
    : version_(checked_version(find)), functions_(find) {
  const Status status = try_call(functions_.init, 0U);
  if (status == Status::success) return;
  fail(functions_.init.name, status,
       status == Status::not_initialized
           ? "In a child of a process that used CUDA, use the start method "
             "'spawn' or 'forkserver' of multiprocessing."
           : "");
}

Driver::~Driver() {
  for (const auto& [device, context] : primary_contexts_) {
    // There is nobody to tell of an error.
    static_cast<void>(try_call(functions_.release_primary, device));
  }
}

std::string Driver::version() const { return version_text(version_); }

void Driver::fail(std::string_view function, Status status,
                  std::string_view advice) const {
  if (status == Status::forked) {
    throw DeviceError(
        "expected a process that was not forked after its parent used CUDA, "
        "got such a child. Use the start method 'spawn' or 'forkserver' of "
        "multiprocessing.");
  }
  const auto told = [&](const DriverFunction<Status, const char**>& ask,
                        std::string_view otherwise) {
    const char* text = nullptr;
    const bool is_known =
        try_call(ask, status, &text) == Status::success && text != nullptr;
    return std::string(is_known ? text : otherwise);
  };
  const std::string name =
      told(functions_.error_name, concat("error ", static_cast<int>(status)));
  const std::string text = told(functions_.error_text, "unknown to the driver");
  throw DeviceError(concat("expected ", function, " to succeed, got ", name,
                           " (", text, ").", advice.empty() ? "" : " ",
                           advice));
}

int Driver::device_count() const {
  int count = 0;
  call(functions_.device_count, &count);
  return count;
}

DeviceHandle Driver::device(int index) const {
  DeviceHandle device = 0;
  call(functions_.device, &device, index);
  return device;
}

DeviceFacts Driver::facts(int index) const {
  const DeviceHandle handle = device(index);
  DeviceFacts facts;
  std::array<char, 256> name{};
  call(functions_.device_name, name.data(), static_cast<int>(name.size() - 1),
       handle);
  facts.name = name.data();
  const auto ask = [&](DeviceAttribute which, int& number) {
    call(functions_.device_attribute, &number, which, handle);
  };
  ask(DeviceAttribute::major, facts.major);
  ask(DeviceAttribute::minor, facts.minor);
  ask(DeviceAttribute::multiprocessors, facts.multiprocessors);
  std::size_t memory = 0;
  call(functions_.device_memory, &memory, handle);
  facts.memory = static_cast<int64_t>(memory);
  return facts;
}

ContextHandle Driver::primary_context(DeviceHandle device) const {
  const std::scoped_lock lock(mutex_);
  const auto known = primary_contexts_.find(device);
  if (known != primary_contexts_.end()) return known->second;
  ContextHandle context = nullptr;
  call(functions_.retain_primary, &context, device);
  primary_contexts_.emplace(device, context);
  return context;
}

FindFunction open_library(const char* name) {
  void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    throw DeviceError(concat("expected NVIDIA's CUDA driver, got none: ",
                             reason != nullptr ? reason : name,
                             ". Install the driver."));
  }
  return [library](const char* function) { return dlsym(library, function); };
}

}  // namespace gramless::cuda
