// SPDX-License-Identifier: MIT
// Tests what a program asks a CUDA driver to run.
#include "gramless/backend/cuda/prepared_program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "backend/cuda/fake_driver.h"
#include "evaluate.h"
#include "gramless/call/function.h"
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

MutableArrayView writable(const ArrayView& view) {
  return {const_cast<void*>(view.data), view.dtype, view.shape, view.strides,
          view.device};
}

/// A launcher, and a stream to queue on.
class CudaLaunches : public ::testing::Test {
 protected:
  ~CudaLaunches() override { EXPECT_EQ(fake.faults, Names{}); }

  std::shared_ptr<const ReadyGrid> ready_for(const Program& program,
                                             Sizes sizes, DType dtype) {
    const Driver& driver = launcher->driver();
    const SweepSizes axes = sweep_sizes(program, sizes);
    return std::make_shared<const ReadyGrid>(
        program, plan_on(driver, 1, program, axes, dtype), driver, 1);
  }

  FakeDriver fake;
  StreamHandle stream = fake.make_stream(fake.make_context(1));
  std::optional<Launcher> launcher{std::in_place, fake.find()};
  std::vector<int64_t> taken;
  RunOptions options{.stream = stream, .workspace = [this](int64_t bytes) {
                       taken.push_back(bytes);
                       return reinterpret_cast<void*>(0x60000);
                     }};
};

/// A product of points in three dimensions with two columns.
class CudaProgram : public CudaLaunches {
 protected:
  void run(int64_t rows, int64_t columns, DType dtype = DType::float32) {
    const std::vector<ArrayView> arguments = {
        on_device(0x10000, {rows, 3}, dtype),
        on_device(0x20000, {columns, 3}, dtype), on_device(0x30000, {1}, dtype),
        on_device(0x40000, {columns, 2}, dtype)};
    const MutableArrayView target =
        writable(on_device(0x50000, {rows, 2}, dtype));
    const auto ready = ready_for(program, {rows, columns}, dtype);
    plan = ready->plan;
    launches = grid_launches(program, plan);
    const Batch batch = batch_of_one(arguments, {&target, 1});
    const ReadyBatch all{ready, BatchLaunches(program, plan, batch)};
    launch_batches(*launcher, {&all, 1}, options);
  }

  Program program =
      plan_grid_sweeps(
          expand(simplify(apply_log_domain(
              gramless::testing::product_of("gaussian(x,y)", Metric::scalar),
              {}))))
          .front();
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

/// Gradients of a product on a batch of points x, whose problems share the
/// points y, gamma and b.
class CudaBatch : public CudaLaunches {
 protected:
  void run(const std::vector<int64_t>& leading, Sizes sizes) {
    const auto array = [&](std::uintptr_t address, std::vector<int64_t> shape) {
      return on_device(address, std::move(shape));
    };
    std::vector<int64_t> shape = leading;
    shape.insert(shape.end(), {sizes.M, 3});
    const ArrayView x = array(0x1000000, shape);
    const ArrayView y = array(0x2000000, {sizes.N, 3});
    const ArrayView gamma = array(0x3000000, {1});
    shape.back() = 1;
    const std::vector<ArrayView> arguments = {
        x, y, gamma, array(0x4000000, {sizes.N, 1}), array(0x5000000, shape)};
    Batch batch;
    batch.leading = leading;
    batch.problems = elements_in(leading);
    for (const ArrayView& view : arguments) {
      batch.arguments.emplace_back(view, leading, Lines::rows);
    }
    for (const ArrayView& view : {x, y, gamma}) {
      batch.results.emplace_back(writable(view), leading, Lines::rows);
    }
    std::vector<ReadyBatch> batches;
    for (const Program& program : programs) {
      auto ready = ready_for(program, sizes, DType::float32);
      BatchLaunches launches(program, ready->plan, batch);
      bytes.push_back(launches.workspace_bytes());
      batches.push_back({std::move(ready), std::move(launches)});
    }
    launch_batches(*launcher, batches, options);
  }

  /// Returns the launches as texts: kernels, with their problems.
  [[nodiscard]] Names launched() const {
    Names names;
    for (const FakeLaunch& each : fake.launches) {
      const bool is_sum = each.kernel == kAddKernel;
      names.push_back(is_sum
                          ? each.kernel
                          : concat(each.kernel, " ", each.grid_and_block[2]));
    }
    return names;
  }

  template <class Parameters>
  [[nodiscard]] Parameters parameters_of(std::size_t launch) const {
    const std::vector<std::byte>& bytes_of = fake.launches[launch].parameters;
    Parameters parameters;
    std::memcpy(&parameters, bytes_of.data(), sizeof parameters);
    return parameters;
  }

  std::vector<Program> programs = plan_grid_sweeps(expand(
      with_wide_results(
          function_of(
              Kernel("gaussian(x,y)"),
              Signature{Mode::sum, {{3}, {3}, {{1, PairIndex::none}}}, 1})
              .vjp({0, 1, 2})
              .state(),
          {false, true, true})
          ->runnable.map_reduce));
  std::vector<int64_t> bytes;
};

TEST_F(CudaBatch, IsOneLaunchOfEachKernel) {
  run({1000}, {100, 200});
  // The gradients of x and gamma, then that of y.
  EXPECT_EQ(launched(), (Names{"gramless_sweep 1000", "gramless_finish 1000",
                               kAddKernel, "gramless_sweep 1000", kAddKernel}));
  EXPECT_EQ(taken, std::vector{*std::ranges::max_element(bytes)});
  const auto sum = parameters_of<AddParameters>(4);
  EXPECT_EQ(sum.terms, reinterpret_cast<const double*>(0x60000));
  EXPECT_EQ(sum.term_count, 1000);
  EXPECT_EQ(sum.term_stride, 600);
  EXPECT_EQ(sum.elements, 600);
  EXPECT_EQ(sum.has_earlier + sum.has_later, 0);
  EXPECT_EQ(sum.result, reinterpret_cast<void*>(0x2000000));
}

TEST_F(CudaBatch, GoesOnBehindTheLastProblemOfALaunch) {
  run({70, 1000}, {2, 3});
  EXPECT_EQ(launched(),
            (Names{"gramless_sweep 65535", "gramless_finish 65535", kAddKernel,
                   "gramless_sweep 4465", "gramless_finish 4465", kAddKernel,
                   "gramless_sweep 65535", kAddKernel, "gramless_sweep 4465",
                   kAddKernel}));
  EXPECT_EQ(taken.size(), 1);
  ArrayPointer x;
  std::memcpy(&x, &fake.launches[8].parameters[sizeof(GridParameters)],
              sizeof x);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(x.data),
            0x1000000 + 65535 * 2 * 3 * sizeof(float));
  const auto first = parameters_of<AddParameters>(7);
  const auto second = parameters_of<AddParameters>(9);
  EXPECT_EQ(first.term_count + second.term_count, 70000);
  EXPECT_EQ(first.has_earlier, 0);
  EXPECT_EQ(first.has_later, 1);
  EXPECT_EQ(second.has_earlier, 1);
  EXPECT_EQ(second.has_later, 0);
  EXPECT_EQ(first.sums, second.sums);
}

TEST_F(CudaBatch, TakesTheWorkspaceOfManyProblemsSeveralTimes) {
  run({1000}, {10, 10000});
  EXPECT_EQ(taken.size(), 1);
  EXPECT_LE(taken[0], kWorkspaceBytes);
  EXPECT_GT(std::ranges::count(launched(), kAddKernel), 3);
}

TEST_F(CudaBatch, OfNoProblemsStoresEmptySums) {
  run({0}, {10, 20});
  EXPECT_EQ(launched(), (Names{kAddKernel, kAddKernel}));
  EXPECT_TRUE(taken.empty());
  EXPECT_EQ(parameters_of<AddParameters>(1).term_count, 0);
}

TEST_F(CudaBatch, LoadsTheSumOnceForAllFunctions) {
  run({10}, {10, 20});
  run({20}, {30, 20});
  EXPECT_EQ(std::ranges::count(fake.calls, "cuModuleLoadDataEx"),
            programs.size() + 1);
}

/// A sum over no rows takes one kernel of two, in the code for one row.
TEST_F(CudaBatch, FindsAllKernelsBehindACallOfNoRows) {
  run({3}, {0, 5});
  EXPECT_EQ(launched().front(), "gramless_finish 3");
  run({3}, {1, 5});
  EXPECT_EQ(std::ranges::count(launched(), "gramless_sweep 3"), 3);
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
