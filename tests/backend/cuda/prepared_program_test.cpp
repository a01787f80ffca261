// SPDX-License-Identifier: MIT
// Tests what a program asks a CUDA driver to run.
#include "gramless/backend/cuda/prepared_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "backend/cuda/fake_driver.h"
#include "evaluate.h"
#include "gramless/codegen/cuda/kernel_code.h"
#include "gramless/plan/sweeps.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless::cuda {
namespace {

using Names = std::vector<std::string>;

/// A view of memory of a device that nobody reads.
ArrayView on_device(std::uintptr_t address, std::vector<int64_t> shape,
                    DType dtype = DType::float32) {
  std::vector<int64_t> strides = row_major_strides(shape);
  return {reinterpret_cast<const void*>(address), dtype, std::move(shape),
          std::move(strides), Device{"cuda:1"}};
}

/// A product of points in three dimensions with two columns, and a launcher.
class CudaProgram : public ::testing::Test {
 protected:
  ~CudaProgram() override { EXPECT_EQ(fake.faults, Names{}); }

  void run(int64_t rows, int64_t columns, DType dtype = DType::float32) {
    const std::vector<ArrayView> arguments = {
        on_device(0x10000, {rows, 3}, dtype),
        on_device(0x20000, {columns, 3}, dtype), on_device(0x30000, {1}, dtype),
        on_device(0x40000, {columns, 2}, dtype)};
    const ArrayView result = on_device(0x50000, {rows, 2}, dtype);
    const MutableArrayView target{const_cast<void*>(result.data), dtype,
                                  result.shape, result.strides, result.device};
    const auto ready = std::make_shared<const ReadyGrid>(
        launcher->driver(), program, Sizes{rows, columns}, dtype, 1);
    plan = ready->plan;
    launches = grid_launches(program, plan);
    const Batch batch = batch_of_one(arguments, {&target, 1});
    const ReadyBatch all{ready, BatchLaunches(program, plan, batch)};
    launch_batches(*launcher, {&all, 1}, options);
  }

  FakeDriver fake;
  StreamHandle stream = fake.make_stream(fake.make_context(1));
  std::optional<Launcher> launcher{std::in_place, fake.find()};
  Program program =
      plan_grid_sweeps(
          expand(simplify(apply_log_domain(
              gramless::testing::product_of("gaussian(x,y)", Metric::scalar),
              {}))))
          .front();
  std::vector<int64_t> taken;
  RunOptions options{.stream = stream, .workspace = [this](int64_t bytes) {
                       taken.push_back(bytes);
                       return reinterpret_cast<void*>(0x60000);
                     }};
  GridPlan plan;
  std::vector<KernelLaunch> launches;
};

TEST_F(CudaProgram, LaunchesAsThePlanSays) {
  run(1000, 100000);
  ASSERT_EQ(fake.launches.size(), launches.size());
  ASSERT_EQ(launches.size(), 2);  // Few rows: parts of the columns are merged.
  EXPECT_EQ(taken, std::vector{plan.workspace.bytes});
  for (std::size_t k = 0; k < launches.size(); ++k) {
    const FakeLaunch& actual = fake.launches[k];
    EXPECT_EQ(actual.kernel, launches[k].kernel);
    EXPECT_EQ(actual.stream, stream);
    EXPECT_EQ(actual.shared_bytes, launches[k].shared_bytes);
    const std::array expected = {static_cast<unsigned>(launches[k].blocks_x),
                                 static_cast<unsigned>(launches[k].blocks_y),
                                 1U,
                                 static_cast<unsigned>(launches[k].threads),
                                 1U,
                                 1U};
    EXPECT_EQ(actual.grid_and_block, expected);
    EXPECT_NE(actual.ptx.find(concat(".entry ", actual.kernel)),
              std::string::npos);
    EXPECT_NE(actual.ptx.find(".target sm_90"), std::string::npos);
  }
}

TEST_F(CudaProgram, HandsOverWhereArraysAre) {
  run(1000, 100000);
  const std::vector<std::byte>& parameters = fake.launches.front().parameters;
  GridParameters start;
  std::memcpy(&start, parameters.data(), sizeof start);
  EXPECT_EQ(start.workspace, reinterpret_cast<void*>(0x60000));
  EXPECT_EQ(start.kept, 1000);
  EXPECT_EQ(start.reduced, 100000);
  std::vector<std::uintptr_t> addresses;
  for (std::size_t k = 0; k < 5; ++k) {
    ArrayPointer array;
    std::memcpy(&array, &parameters[sizeof start + k * sizeof array],
                sizeof array);
    addresses.push_back(reinterpret_cast<std::uintptr_t>(array.data));
  }
  EXPECT_EQ(addresses, (std::vector<std::uintptr_t>{0x10000, 0x20000, 0x30000,
                                                    0x40000, 0x50000}));
}

TEST_F(CudaProgram, LoadsAModuleOnceForAllSizes) {
  run(1000, 100000);
  run(1001, 100001);
  EXPECT_EQ(std::ranges::count(fake.calls, "cuModuleLoadDataEx"), 1);
  run(1000, 100000, DType::float64);
  EXPECT_EQ(std::ranges::count(fake.calls, "cuModuleLoadDataEx"), 2);
}

TEST_F(CudaProgram, LaunchesNothingForNoRows) {
  run(0, 100);
  EXPECT_TRUE(fake.launches.empty());
  EXPECT_TRUE(taken.empty());
}

TEST_F(CudaProgram, NeverWaitsAndNeverAllocates) {
  run(100000, 100000);
  for (const std::string& call : fake.calls) {
    EXPECT_EQ(call.find("Synchronize"), std::string::npos) << call;
    EXPECT_EQ(call.find("Alloc"), std::string::npos) << call;
  }
}

TEST_F(CudaProgram, SaysThatAWorkspaceIsMissing) {
  options.workspace = {};
  try {
    run(1000, 100000);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(std::string(error.what()),
              concat("kernel_product(): expected Options::workspace, which "
                     "gives ",
                     plan.workspace.bytes, " bytes on the device, got none."));
  }
}

TEST(CudaDevices, AreKnownByTheirNames) {
  EXPECT_EQ(device_index({"cuda"}), 0);
  EXPECT_EQ(device_index({"cuda:12"}), 12);
  for (const char* name : {"cpu", "cuda:", "cuda:x", "cuda:-1", "mps:0"}) {
    EXPECT_THROW(device_index({name}), DeviceError) << name;
  }
}

TEST(CudaDevices, RunCodeOfTheNewestArchitectureThatTheyCan) {
  EXPECT_EQ(architecture_for(7, 5), 75);
  EXPECT_EQ(architecture_for(8, 7), 86);
  EXPECT_EQ(architecture_for(9, 0), 90);
  EXPECT_EQ(architecture_for(13, 0), 120);
  EXPECT_THROW(architecture_for(7, 0), DeviceError);
}

}  // namespace
}  // namespace gramless::cuda
