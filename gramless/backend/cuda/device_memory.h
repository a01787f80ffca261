// SPDX-License-Identifier: MIT
// Memory on a device.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gramless/backend/cuda/driver.h"

namespace gramless::cuda {

/// Memory on a device, in the context that the default stream has there. All
/// functions throw DeviceError.
class DeviceMemory {
 public:
  DeviceMemory(const Driver& driver, int device, std::size_t bytes);
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  ~DeviceMemory();

  [[nodiscard]] void* data() const;
  /// Copies all bytes from the host.
  void fill(const void* host);
  /// Copies all bytes to the host, behind the work on the default stream.
  void read(void* host) const;

 private:
  const Driver& driver_;
  int device_;
  std::size_t bytes_;
  DeviceAddress address_ = 0;
};

}  // namespace gramless::cuda
