// SPDX-License-Identifier: MIT
// Copies arrays there and back.
#include "backend/cuda/device_copy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "fuzz/target.h"

namespace gramless::testing {
namespace {

constexpr std::size_t kGuard = 256;
constexpr std::byte kUntouched{0xff};  // NaN, of any bytes.

/// Returns the bytes from the first element of an array to its last one.
template <class View>
std::size_t bytes_of(const View& view) {
  int64_t last = 0;
  for (std::size_t k = 0; k < view.shape.size(); ++k) {
    if (view.shape[k] == 0) return 0;
    last += (view.shape[k] - 1) * view.strides[k];
  }
  return static_cast<std::size_t>((last + 1) * dtype_size(view.dtype));
}

}  // namespace

DeviceCopy::DeviceCopy(const cuda::Driver& driver, const void* host,
                       std::size_t bytes)
    : bytes_(bytes),
      before_(kGuard + reinterpret_cast<std::uintptr_t>(host) % kGuard),
      memory_(driver, 0, before_ + bytes + kGuard) {
  std::vector<std::byte> all(before_ + bytes + kGuard, kUntouched);
  if (bytes > 0 && host != nullptr) {
    std::memcpy(&all[before_], host, bytes);
  }
  memory_.fill(all.data());
}

void* DeviceCopy::data() const {
  return static_cast<std::byte*>(memory_.data()) + before_;
}

std::vector<std::byte> DeviceCopy::read() const {
  std::vector<std::byte> all(before_ + bytes_ + kGuard);
  memory_.read(all.data());
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(before_);
  const auto last = first + static_cast<std::ptrdiff_t>(bytes_);
  const auto is_untouched = [](std::byte byte) { return byte == kUntouched; };
  require(std::all_of(all.begin(), first, is_untouched) &&
              std::all_of(last, all.end(), is_untouched),
          "something beside an array was written on the device");
  return {first, last};
}

DeviceArrays::DeviceArrays(const cuda::Driver& driver,
                           std::vector<ArrayView> arguments,
                           std::vector<MutableArrayView> results)
    : host_arguments_(std::move(arguments)),
      host_results_(std::move(results)),
      arguments_(host_arguments_),
      results_(host_results_) {
  const auto copy = [&](auto& view) {
    view.data = copies_.emplace_back(driver, view.data, bytes_of(view)).data();
    view.device = Device{"cuda:0"};
  };
  std::ranges::for_each(arguments_, copy);
  std::ranges::for_each(results_, copy);
}

void DeviceArrays::finish() const {
  auto copy = copies_.begin();
  for (const ArrayView& array : host_arguments_) {
    const std::vector<std::byte> bytes = (copy++)->read();
    if (bytes.empty()) continue;
    require(std::memcmp(bytes.data(), array.data, bytes.size()) == 0,
            "an argument was written to on the device");
  }
  for (const MutableArrayView& array : host_results_) {
    const std::vector<std::byte> bytes = (copy++)->read();
    if (bytes.empty()) continue;
    std::memcpy(array.data, bytes.data(), bytes.size());
  }
}

}  // namespace gramless::testing
