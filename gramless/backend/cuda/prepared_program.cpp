// SPDX-License-Identifier: MIT
// Runs programs on CUDA devices, and keeps the PTX that was written last.
#include "gramless/backend/cuda/prepared_program.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "gramless/backend/cuda/ptx.h"
#include "gramless/base/bounded_table.h"
#include "gramless/base/fork_lock.h"
#include "gramless/codegen/module.h"

namespace gramless::cuda {
namespace {

/// Texts kept: each takes some 20 kB.
constexpr std::size_t kCapacity = 256;

/// Architectures that PTX is written for, the newest one last.
constexpr std::array kArchitectures = {75, 80, 86, 89, 90, 100, 120};

using Table = BoundedTable<ModuleText>;

constinit std::atomic<Table*> the_table = nullptr;

Table& table() {
  return made_once(the_table,
                   [] { return Table(kCapacity, fork_lock(ForkLock::table)); });
}

/// Returns the text of a key, or writes it.
template <class Generate>
std::shared_ptr<const ModuleText> text_for(
    const std::string& key, const std::vector<std::string>& kernels,
    const Generate& generate) {
  Table& texts = table();
  if (const auto found = texts.find(key)) return found;
  // All use of LLVM waits for forks.
  const std::scoped_lock lock(fork_lock(ForkLock::first_use));
  return texts.get(key, [&] {
    return std::make_shared<const ModuleText>(ptx(generate()), kernels);
  });
}

std::shared_ptr<const ModuleText> text_of_sweep(const Program& program,
                                                const GridPlan& plan,
                                                int architecture) {
  return text_for(
      concat(grid_key(program, plan), "sm_", architecture, "\n"),
      grid_kernels(program, plan),
      [&] { return generate_grid(program, plan, cuda_target(architecture)); });
}

/// Returns the text with the kernel that adds up what problems share.
std::shared_ptr<const ModuleText> text_of_sum(int architecture) {
  return text_for(concat(kAddKernel, " sm_", architecture), {kAddKernel},
                  [&] { return generate_add(cuda_target(architecture)); });
}

void launch(Launcher& launcher, const ReadyGrid& ready,
            const KernelLaunch& each, std::span<const std::byte> parameter,
            const RunOptions& options) {
  const bool is_sum = each.kernel == std::string_view(kAddKernel);
  const auto text = is_sum ? text_of_sum(ready.architecture) : ready.text;
  launcher.launch({.module = *text,
                   .kernel = each.kernel,
                   .grid = {static_cast<unsigned>(each.blocks_x),
                            static_cast<unsigned>(each.blocks_y),
                            static_cast<unsigned>(each.problems)},
                   .block = {static_cast<unsigned>(each.threads), 1, 1},
                   .shared_bytes = static_cast<unsigned>(each.shared_bytes),
                   .parameters = parameter,
                   .device = ready.device,
                   .stream = static_cast<StreamHandle>(options.stream)});
}

}  // namespace

int device_index(const Device& device) {
  constexpr std::string_view kPrefix = "cuda:";
  int index = 0;
  const std::string_view name = device.name;
  if (name == "cuda") return 0;
  if (name.starts_with(kPrefix)) {
    const char* end = name.data() + name.size();
    const auto [behind, error] =
        std::from_chars(name.data() + kPrefix.size(), end, index);
    if (error == std::errc() && behind == end && index >= 0) return index;
  }
  throw DeviceError(
      concat("expected a device such as 'cuda:0', got '", name, "'."));
}

int architecture_for(int major, int minor) {
  const int capability = 10 * major + minor;
  const auto newer = std::ranges::upper_bound(kArchitectures, capability);
  if (newer != kArchitectures.begin()) return *std::prev(newer);
  throw DeviceError(concat(
      "expected a device of compute capability 7.5 or later, got one of ",
      major, ".", minor, "."));
}

GridPlan plan_on(const Driver& driver, int device, const Program& program,
                 SweepSizes sizes, DType dtype) {
  return make_grid_plan(program, sizes, dtype,
                        {driver.facts(device).multiprocessors});
}

ReadyGrid::ReadyGrid(const Program& program, GridPlan its_plan,
                     const Driver& driver, int on_device)
    : plan(std::move(its_plan)), device(on_device) {
  const DeviceFacts facts = driver.facts(device);
  architecture = architecture_for(facts.major, facts.minor);
  if (grid_launches(program, plan).empty()) return;
  text = text_of_sweep(program, plan, architecture);
}

void launch_batches(Launcher& launcher, std::span<const ReadyBatch> batches,
                    const RunOptions& options) {
  int64_t bytes = 0;
  for (const ReadyBatch& each : batches) {
    bytes = std::max(bytes, each.launches.workspace_bytes());
  }
  if (bytes > 0 && !options.workspace) {
    throw ArgumentError(
        concat("kernel_product(): expected Options::workspace, which gives ",
               bytes, " bytes on the device, got none."));
  }
  void* const workspace = bytes > 0 ? options.workspace(bytes) : nullptr;
  for (const auto& [ready, launches] : batches) {
    launches.queue(workspace, [&](const KernelLaunch& each,
                                  std::span<const std::byte> parameter) {
      launch(launcher, *ready, each, parameter, options);
    });
  }
}

PreparedProgram::PreparedProgram(Program program)
    : program_(std::move(program)) {}

PreparedProgram::PreparedProgram(PreparedProgram&& other) noexcept = default;

PreparedProgram::~PreparedProgram() = default;

std::shared_ptr<const ReadyGrid> PreparedProgram::ready_for(Sizes sizes,
                                                            DType dtype,
                                                            int device) const {
  const SweepSizes axes = sweep_sizes(program_, sizes);
  {
    const std::scoped_lock lock(fork_lock(ForkLock::table));
    if (last_ && last_->plan.sizes == axes && last_->device == device &&
        last_->plan.tile.dtype == dtype) {
      return last_;
    }
  }
  const Driver& driver = launcher().driver();
  auto ready = std::make_shared<const ReadyGrid>(
      program_, plan_on(driver, device, program_, axes, dtype), driver, device);
  const std::scoped_lock lock(fork_lock(ForkLock::table));
  last_ = ready;
  return ready;
}

void run(std::span<const PreparedProgram> programs, Sizes sizes, DType dtype,
         const Batch& batch, const RunOptions& options) {
  try {
    const int device = device_index(batch.results[0].view().device);
    std::vector<ReadyBatch> batches;
    batches.reserve(programs.size());
    for (const PreparedProgram& each : programs) {
      auto ready = each.ready_for(sizes, dtype, device);
      BatchLaunches launches(each.program(), ready->plan, batch);
      batches.push_back({std::move(ready), std::move(launches)});
    }
    launch_batches(launcher(), batches, options);
  } catch (const DeviceError& error) {
    throw DeviceError(concat("kernel_product(): ", error.what()));
  }
}

}  // namespace gramless::cuda
