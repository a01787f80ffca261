// SPDX-License-Identifier: MIT
// Tests memory on a device of a driver that counts it.
#include "gramless/backend/cuda/device_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "backend/cuda/fake_driver.h"

namespace gramless::cuda {
namespace {

/// Copies numbers to a device and back.
std::vector<float> copied(const Driver& driver, int device) {
  std::vector<float> numbers(37);
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  DeviceMemory memory(driver, device, numbers.size() * sizeof(float));
  EXPECT_NE(memory.data(), nullptr);
  memory.fill(numbers.data());
  std::vector<float> copy(numbers.size());
  memory.read(copy.data());
  EXPECT_EQ(copy, numbers);
  return copy;
}

TEST(CudaDeviceMemory, HoldsWhatWasCopied) {
  FakeDriver fake;
  const Driver driver(fake.find());
  copied(driver, 1);
  EXPECT_TRUE(fake.memory.empty());
  EXPECT_EQ(FakeDriver::contexts_of_thread(), std::vector<ContextHandle>{});
}

TEST(CudaDeviceMemory, IsInTheContextThatIsCurrent) {
  FakeDriver fake;
  const Driver driver(fake.find());
  const ContextHandle context = fake.make_context(1);
  FakeDriver::set_current(context);
  {
    const DeviceMemory memory(driver, 1, 8);
    EXPECT_EQ(fake.memory.front().context, context);
    const DeviceMemory other(driver, 0, 8);
    EXPECT_NE(fake.memory.back().context, context);
  }
  EXPECT_TRUE(fake.memory.empty());
}

TEST(CudaDeviceMemory, IsGoneWithItsContext) {
  FakeDriver fake;
  const Driver driver(fake.find());
  const ContextHandle context = fake.make_context(0);
  FakeDriver::set_current(context);
  const DeviceMemory memory(driver, 0, 8);
  FakeDriver::set_current(nullptr);
  fake.end_context(context);
  EXPECT_TRUE(fake.memory.empty());
}

TEST(CudaDeviceMemory, LeaksNothingWhateverCallFails) {
  for (std::size_t failing = 0; true; ++failing) {
    FakeDriver fake;
    const Driver driver(fake.find());
    const std::size_t before = fake.calls.size();
    fake.failing_call = before + failing;
    bool has_failed = false;
    try {
      copied(driver, 0);
    } catch (const DeviceError& error) {
      has_failed = true;
      EXPECT_NE(std::string(error.what()).find("unknown error"),
                std::string::npos)
          << error.what();
    }
    const bool is_at_end = fake.calls.size() <= fake.failing_call;
    if (!has_failed && !is_at_end) continue;  // What ends the memory failed.
    EXPECT_TRUE(fake.memory.empty()) << failing;
    EXPECT_EQ(FakeDriver::contexts_of_thread(), std::vector<ContextHandle>{});
    if (is_at_end) {
      EXPECT_GT(failing, 20U);
      return;
    }
  }
}

}  // namespace
}  // namespace gramless::cuda
