// SPDX-License-Identifier: MIT
// Allocates and copies by the driver.
#include "gramless/backend/cuda/device_memory.h"

#include <bit>

#include "gramless/backend/cuda/context.h"

namespace gramless::cuda {

DeviceMemory::DeviceMemory(const Driver& driver, int device, std::size_t bytes)
    : driver_(driver), device_(device), bytes_(bytes) {
  const CurrentContext current(driver_, device_, nullptr);
  driver_.call(driver_.functions().allocate, &address_, bytes_);
}

DeviceMemory::~DeviceMemory() {
  try {
    const CurrentContext current(driver_, device_, nullptr);
    static_cast<void>(driver_.try_call(driver_.functions().release, address_));
  } catch (const DeviceError&) {
    return;  // The context has ended, and its memory with it.
  }
}

void* DeviceMemory::data() const {
  return std::bit_cast<void*>(static_cast<std::uintptr_t>(address_));
}

void DeviceMemory::fill(const void* host) {
  const CurrentContext current(driver_, device_, nullptr);
  driver_.call(driver_.functions().copy_to_device, address_, host, bytes_);
}

void DeviceMemory::read(void* host) const {
  const CurrentContext current(driver_, device_, nullptr);
  driver_.call(driver_.functions().copy_to_host, host, address_, bytes_);
}

}  // namespace gramless::cuda
