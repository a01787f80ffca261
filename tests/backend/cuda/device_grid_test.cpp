// SPDX-License-Identifier: MIT
// Runs the suite of kernels for grids on a CUDA device, where there is one, and
// tests the way there and back with a driver that runs kernels on the CPU.
#include "backend/cuda/device_grid.h"

#include <gtest/gtest.h>

#include <list>

#include "backend/cuda/fake_driver.h"
#include "codegen/cuda/emulated_grid.h"
#include "codegen/cuda/grid_suite.h"
#include "fuzz/running.h"
#include "fuzz/signatures.h"
#include "fuzz/target.h"
#include "gramless/call/function.h"
#include "gramless/plan/sweeps.h"
#include "gramless/transform/expand.h"

namespace gramless::testing {

GRAMLESS_GRID_SUITE(Device, device_grid());

namespace {

/// A device that the CPU emulates.
class EmulatedDevice : public DeviceGrid {
 public:
  EmulatedDevice()
      : DeviceGrid([this]() -> cuda::Launcher& { return launcher_; }) {}
  ~EmulatedDevice() override {
    EXPECT_EQ(fake_.faults, std::vector<std::string>{});
    EXPECT_TRUE(fake_.memory.empty());
  }

  /// What else a launch does.
  std::function<void(std::list<cuda::FakeDriver::Memory>&)> on_launch;

 protected:
  int64_t run_launches(const Program& program, const GridPlan& plan,
                       const Batch& batch, const BatchLimits& limits) override {
    fake_.on_launch = [&](const cuda::FakeLaunch& launch) {
      const auto& [blocks_x, blocks_y, problems, threads, y, z] =
          launch.grid_and_block;
      EXPECT_EQ(y * z, 1U);
      run_emulated(program, plan,
                   {launch.kernel.c_str(), blocks_x, blocks_y,
                    static_cast<int>(threads), launch.shared_bytes, problems},
                   launch.parameters);
      if (on_launch) on_launch(fake_.memory);
    };
    return DeviceGrid::run_launches(program, plan, batch, limits);
  }

 private:
  cuda::FakeDriver fake_;
  cuda::Launcher launcher_{fake_.find()};
};

/// Draws a call of a gaussian product, and runs it with derivatives.
void run_gaussian(GridExecutor& executor, const GridChoices& choices,
                  const std::string& text) {
  Draw draw(text);
  const Kernel kernel("gaussian(x,y)");
  check_running(draw, kernel, draw_signature_of_name(draw, kernel.parsed()),
                {.engine = run_by(executor, choices)});
}

TEST(DeviceGrid, ComputesOnCopies) {
  EmulatedDevice device;
  ASSERT_EQ(device.problem(), "");
  for (const GridChoices& choices : device.choices()) {
    for (const char* text : {"one", "two", "three", "four", "five", "six"}) {
      ASSERT_NO_THROW(run_gaussian(device, choices, text)) << text;
    }
  }
  EXPECT_GT(device.sweeps(), 60);
  EXPECT_GE(device.launches(), device.sweeps() / 2);
}

/// A batch of three gaussian products of two by two points, which share y.
struct SmallBatch {
  SmallBatch() {
    batch.leading = {3};
    batch.problems = 3;
    add(x, {3, 2, 1});
    add(y, {2, 1});
    add(gamma, {1});
    add(b, {2, 1});
    batch.results.emplace_back(
        MutableArrayView::contiguous(a.data(), {3, 2, 1}), batch.leading,
        Lines::rows);
  }

  void add(const std::vector<double>& values, std::vector<int64_t> shape) {
    batch.arguments.emplace_back(
        ArrayView::contiguous(values.data(), std::move(shape)), batch.leading,
        Lines::rows);
  }

  void run_by(GridExecutor& executor) const {
    executor.run(program, {2, 2}, batch, small_grid());
  }

  const std::vector<double> x = {1, 2, 3, 4, 5, 6};
  const std::vector<double> y = {0.5, -1};
  const std::vector<double> gamma = {0.25};
  const std::vector<double> b = {1, -3};
  std::vector<double> a = std::vector<double>(6);
  Batch batch;
  Program program = plan_grid_sweeps(
      expand(function_of(Kernel("gaussian(x,y)"),
                         {Mode::sum, {{1}, {1}, {{1, PairIndex::none}}}, 1})
                 .state()
                 .runnable.map_reduce))[0];
};

TEST(DeviceGrid, ComputesBatches) {
  const SmallBatch expected;
  expected.run_by(emulated_grid());
  EmulatedDevice device;
  const SmallBatch actual;
  actual.run_by(device);
  EXPECT_EQ(actual.a, expected.a);
  EXPECT_NE(actual.a, std::vector<double>(6));
}

/// Returns the error of a run in which something writes a byte.
std::string error_where(std::size_t array, std::ptrdiff_t place) {
  EmulatedDevice device;
  device.on_launch = [&](std::list<cuda::FakeDriver::Memory>& memory) {
    auto& bytes = std::next(memory.begin(), static_cast<int>(array))->bytes;
    const auto from_end = static_cast<std::ptrdiff_t>(bytes.size()) + place;
    bytes[static_cast<std::size_t>(place < 0 ? from_end : place)] ^=
        std::byte{1};
  };
  try {
    SmallBatch().run_by(device);
  } catch (const Find& error) {
    return error.what();
  }
  return "no error";
}

TEST(DeviceGrid, FindsWhatIsWrittenWhereItShouldNotBe) {
  for (const std::size_t array : {0, 3, 4}) {
    for (const std::ptrdiff_t place : {0, -1, -256}) {
      EXPECT_EQ(error_where(array, place),
                "something beside an array was written on the device");
    }
  }
  EXPECT_EQ(error_where(0, -257), "an argument was written to on the device");
  EXPECT_EQ(error_where(4, -257), "no error");  // The last byte of a.
}

TEST(DeviceGrid, SaysWhyNothingRuns) {
  cuda::FakeDriver fake;
  fake.capability = {7, 0};
  cuda::Launcher launcher(fake.find());
  const DeviceGrid old([&]() -> cuda::Launcher& { return launcher; });
  EXPECT_EQ(old.problem(),
            "expected a device of compute capability 7.5 or later, got one of "
            "7.0.");
}

}  // namespace
}  // namespace gramless::testing
