// SPDX-License-Identifier: MIT
// Tests what a call on a batch asks a CUDA driver for, with the library of
// tests/backend/cuda/libcuda.cpp in its place.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include "gramless/call.h"
#include "gramless/doctor.h"
#include "gramless/error.h"

namespace gramless {
namespace {

/// A view of memory of a device that nobody reads.
template <class View>
View on_device(std::uintptr_t address, std::vector<int64_t> shape) {
  std::vector<int64_t> strides = row_major_strides(shape);
  return {reinterpret_cast<decltype(View::data)>(address), DType::float32,
          std::move(shape), std::move(strides), Device{"cuda:0"}};
}

/// Returns what counts launches, or null where the driver is another one.
using CountLaunches = int (*)();
CountLaunches launch_counter() {
  if (!doctor().driver.problem.empty()) return nullptr;
  void* const library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
  return reinterpret_cast<CountLaunches>(dlsym(library, "gramless_launches"));
}

TEST(Problems, OnADeviceAreAFewLaunches) {
  const CountLaunches launches = launch_counter();
  if (launches == nullptr) GTEST_SKIP() << "not the driver of the tests";
  const int before = launches();
  constexpr int64_t B = 1000, M = 10, N = 20, D = 3;
  const Arguments arguments{.x = {on_device<ArrayView>(0x10000000, {B, M, D})},
                            .y = {on_device<ArrayView>(0x20000000, {N, D})},
                            .gamma = {{on_device<ArrayView>(0x30000000, {1})}},
                            .b = {on_device<ArrayView>(0x40000000, {N, 1})}};
  const auto product = ArrayFunction::of(Kernel("gaussian(x,y)"), arguments);
  std::vector<ArrayView> arrays = flatten(arguments);
  std::vector<int64_t> taken;
  const Options options{.workspace = [&](int64_t bytes) {
    taken.push_back(bytes);
    return reinterpret_cast<void*>(0x60000000);
  }};
  product(arrays, {{on_device<MutableArrayView>(0x50000000, {B, M, 1})}},
          options);
  EXPECT_EQ(launches() - before, 1);
  EXPECT_TRUE(taken.empty());
  arrays.push_back(on_device<ArrayView>(0x50000000, {B, M, 1}));
  // A sweep over each axis, of which one computes two gradients, with a sum.
  product.vjp({0, 1, 3})(arrays,
                         {{on_device<MutableArrayView>(0x70000000, {B, M, D}),
                           on_device<MutableArrayView>(0x80000000, {N, D}),
                           on_device<MutableArrayView>(0x90000000, {N, 1})}},
                         options);
  EXPECT_EQ(launches() - before, 1 + 2 + 2);
  EXPECT_EQ(taken.size(), 1);
}

}  // namespace
}  // namespace gramless
