// SPDX-License-Identifier: MIT
// Plans for a device, and runs there.
#include "backend/cuda/device_grid.h"

#include <memory>
#include <optional>

#include "backend/cuda/device_copy.h"
#include "gramless/backend/cuda/prepared_program.h"

namespace gramless::testing {

namespace {

DeviceArrays copy_of(const cuda::Driver& driver, const Batch& batch) {
  std::vector<ArrayView> arguments;
  std::vector<MutableArrayView> results;
  for (const auto& array : batch.arguments) arguments.push_back(array.view());
  for (const auto& array : batch.results) results.push_back(array.view());
  return {driver, std::move(arguments), std::move(results)};
}

/// Returns a batch with other arrays of the same forms.
Batch with_arrays(const Batch& batch, const DeviceArrays& arrays) {
  Batch result;
  result.leading = batch.leading;
  result.problems = batch.problems;
  result.pairs = batch.pairs;
  for (std::size_t k = 0; k < batch.arguments.size(); ++k) {
    result.arguments.emplace_back(arrays.arguments()[k], batch.leading,
                                  batch.arguments[k].lines());
  }
  for (std::size_t k = 0; k < batch.results.size(); ++k) {
    result.results.emplace_back(arrays.results()[k], batch.leading,
                                batch.results[k].lines());
  }
  return result;
}

}  // namespace

std::string DeviceGrid::problem() const {
  try {
    const cuda::DeviceFacts facts = launcher_().driver().facts(0);
    static_cast<void>(cuda::architecture_for(facts.major, facts.minor));
    // The library of tests/backend/cuda/libcuda.cpp runs nothing.
    if (facts.name != "Device of the tests") return "";
    return "there is no device behind the driver of the tests";
  } catch (const DeviceError& error) {
    return error.what();
  }
}

std::vector<GridChoices> DeviceGrid::choices() const {
  const cuda::DeviceFacts facts = launcher_().driver().facts(0);
  return {{.device = {facts.multiprocessors}}, few_blocks(), small_grid()};
}

int64_t DeviceGrid::run_launches(const Program& program, const GridPlan& plan,
                                 const Batch& batch,
                                 const BatchLimits& limits) {
  cuda::Launcher& launcher = launcher_();
  const cuda::Driver& driver = launcher.driver();
  const DeviceArrays copies = copy_of(driver, batch);
  const Batch copied = with_arrays(batch, copies);
  auto ready =
      std::make_shared<const cuda::ReadyGrid>(program, plan, driver, 0);
  const BatchLaunches launches(program, ready->plan, copied, limits);
  int64_t count = 0;
  launches.queue(nullptr, [&](const auto&, auto) { ++count; });
  const cuda::ReadyBatch all{std::move(ready), launches};
  std::optional<DeviceCopy> workspace;
  const std::vector<std::byte> unwritten(
      static_cast<std::size_t>(launches.workspace_bytes()), std::byte{0xff});
  cuda::launch_batches(launcher, {&all, 1}, {.workspace = [&](int64_t) {
                         workspace.emplace(driver, nullptr, unwritten.size());
                         return workspace->data();
                       }});
  copies.finish();
  if (workspace) static_cast<void>(workspace->read());
  return count;
}

GridExecutor& device_grid() {
  static DeviceGrid the_grid(
      []() -> cuda::Launcher& { return cuda::launcher(); });
  return the_grid;
}

}  // namespace gramless::testing
