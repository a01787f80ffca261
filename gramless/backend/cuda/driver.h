// SPDX-License-Identifier: MIT
// The CUDA driver, as it is installed on this machine, and its devices.
//
// All texts of errors lack the name of the public function: callers put it, and
// who asked for a device, in front.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "gramless/backend/cuda/functions.h"
#include "gramless/base/fork_lock.h"

namespace gramless::cuda {

/// What the driver tells of a device.
struct DeviceFacts {
  std::string name;
  int major = 0;  // Of its compute capability.
  int minor = 0;
  int multiprocessors = 0;
  int64_t memory = 0;  // In bytes.
};

/// A driver that is ready to be used, by several threads at once.
class Driver {
 public:
  /// Throws DeviceError for a driver that is too old, or that finds no device.
  explicit Driver(const FindFunction& find);
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  /// Releases the primary contexts.
  ~Driver();

  [[nodiscard]] const DriverFunctions& functions() const { return functions_; }

  /// The version of CUDA that it is made for, such as `12.4`.
  [[nodiscard]] std::string version() const;

  /// Calls a function. In a child that was forked after the driver was set up
  /// it does not, and returns Status::forked: the driver cannot be inherited.
  template <class... Parameters, class... Arguments>
  [[nodiscard]] Status try_call(const DriverFunction<Parameters...>& function,
                                Arguments... arguments) const {
    if (fork_depth() != fork_depth_) return Status::forked;
    return function.address(arguments...);
  }

  /// Calls a function. Throws DeviceError with its name and the driver's own
  /// name and text of the error.
  template <class... Parameters, class... Arguments>
  void call(const DriverFunction<Parameters...>& function,
            Arguments... arguments) const {
    const Status status = try_call(function, arguments...);
    if (status != Status::success) fail(function.name, status);
  }

  /// Throws the DeviceError of a call that failed. `advice` is a sentence.
  [[noreturn]] void fail(std::string_view function, Status status,
                         std::string_view advice = {}) const;

  [[nodiscard]] int device_count() const;
  [[nodiscard]] DeviceHandle device(int index) const;
  [[nodiscard]] DeviceFacts facts(int index) const;

  /// Returns the primary context of a device, which is the one that CUDA's
  /// runtime and torch use. It is retained once, and released at the end.
  [[nodiscard]] ContextHandle primary_context(DeviceHandle device) const;

 private:
  const int64_t fork_depth_ = fork_depth();
  const int version_;
  const DriverFunctions functions_;
  mutable std::mutex mutex_;  // Guards the primary contexts.
  mutable std::map<DeviceHandle, ContextHandle> primary_contexts_;
};

/// Returns the functions of a library, which stays open as long as the process
/// lives. Throws DeviceError if there is none of that name.
FindFunction open_library(const char* name);

}  // namespace gramless::cuda
