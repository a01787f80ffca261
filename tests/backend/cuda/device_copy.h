// SPDX-License-Identifier: MIT
// Copies of arrays on a CUDA device, between bytes that nothing may write.
#pragma once

#include <cstddef>
#include <list>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/backend/cuda/device_memory.h"

namespace gramless::testing {

/// A copy of some bytes of the host, at the same place within 256 bytes as
/// theirs.
class DeviceCopy {
 public:
  DeviceCopy(const cuda::Driver& driver, const void* host, std::size_t bytes);

  [[nodiscard]] void* data() const;

  /// Copies the bytes back. Throws a Find if something beside them was
  /// written.
  [[nodiscard]] std::vector<std::byte> read() const;

 private:
  std::size_t bytes_;
  std::size_t before_;  // Bytes in front of them.
  cuda::DeviceMemory memory_;
};

/// Copies of the arrays of a call on device 0.
class DeviceArrays {
 public:
  DeviceArrays(const cuda::Driver& driver, std::vector<ArrayView> arguments,
               std::vector<MutableArrayView> results);

  [[nodiscard]] const std::vector<ArrayView>& arguments() const {
    return arguments_;
  }
  [[nodiscard]] const std::vector<MutableArrayView>& results() const {
    return results_;
  }

  /// Copies the results back to the host's arrays. Throws a Find if an
  /// argument was written to.
  void finish() const;

 private:
  std::vector<ArrayView> host_arguments_;
  std::vector<MutableArrayView> host_results_;
  std::list<DeviceCopy> copies_;  // Of arguments, then of results.
  std::vector<ArrayView> arguments_;
  std::vector<MutableArrayView> results_;
};

}  // namespace gramless::testing
