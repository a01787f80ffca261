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

std::shared_ptr<const ModuleText> text_for(
    const Program& program, const GridPlan& plan,
    std::span<const KernelLaunch> launches, int architecture) {
  const std::string key =
      concat(grid_key(program, plan), "sm_", architecture, "\n");
  Table& texts = table();
  if (const auto found = texts.find(key)) return found;
  // All use of LLVM waits for forks.
  const std::scoped_lock lock(fork_lock(ForkLock::first_use));
  return texts.get(key, [&] {
    std::vector<std::string> kernels;
    for (const KernelLaunch& launch : launches) {
      kernels.emplace_back(launch.kernel);
    }
    return std::make_shared<const ModuleText>(
        ptx(generate_grid(program, plan, cuda_target(architecture))),
        std::move(kernels));
  });
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

ReadyGrid::ReadyGrid(const Driver& driver, const Program& program,
                     Sizes for_sizes, DType for_dtype, int on_device)
    : sizes(for_sizes), dtype(for_dtype), device(on_device) {
  const DeviceFacts facts = driver.facts(device);
  plan = make_grid_plan(program, sweep_sizes(program, sizes), dtype,
                        {facts.multiprocessors});
  launches = grid_launches(program, plan);
  if (launches.empty()) return;
  text = text_for(program, plan, launches,
                  architecture_for(facts.major, facts.minor));
}

bool ReadyGrid::is_for(Sizes others, DType other_dtype,
                       int other_device) const {
  return sizes == others && dtype == other_dtype && device == other_device;
}

void launch_grid(Launcher& launcher, const Program& program,
                 const ReadyGrid& ready, std::span<const ArrayView> arguments,
                 std::span<const MutableArrayView> results,
                 const RunOptions& options) {
  if (ready.launches.empty()) return;
  std::vector<ArrayPointer> arrays;
  for (const ArrayView& view : arguments) arrays.push_back(pointer_to(view));
  std::vector<ResultPointer> targets;
  for (const MutableArrayView& view : results) {
    targets.push_back(pointer_to(view));
  }
  const int64_t bytes = ready.plan.workspace.bytes;
  if (bytes > 0 && !options.workspace) {
    throw ArgumentError(
        concat("kernel_product(): expected Options::workspace, which gives ",
               bytes, " bytes on the device, got none."));
  }
  void* const workspace = bytes > 0 ? options.workspace(bytes) : nullptr;
  const std::vector<std::byte> parameters =
      grid_parameters(program, ready.plan, arrays, targets, workspace);
  for (const KernelLaunch& each : ready.launches) {
    launcher.launch({.module = *ready.text,
                     .kernel = each.kernel,
                     .grid = {static_cast<unsigned>(each.blocks_x),
                              static_cast<unsigned>(each.blocks_y), 1},
                     .block = {static_cast<unsigned>(each.threads), 1, 1},
                     .shared_bytes = static_cast<unsigned>(each.shared_bytes),
                     .parameters = parameters,
                     .device = ready.device,
                     .stream = static_cast<StreamHandle>(options.stream)});
  }
}

PreparedProgram::PreparedProgram(Program program)
    : program_(std::move(program)) {}

PreparedProgram::PreparedProgram(PreparedProgram&& other) noexcept = default;

PreparedProgram::~PreparedProgram() = default;

void PreparedProgram::run(Sizes sizes, std::span<const ArrayView> arguments,
                          std::span<const MutableArrayView> results,
                          const RunOptions& options) const {
  try {
    const DType dtype = find_dtype(program_.arguments, arguments);
    const auto ready = ready_for(sizes, dtype, device_index(results[0].device));
    launch_grid(launcher(), program_, *ready, arguments, results, options);
  } catch (const DeviceError& error) {
    throw DeviceError(concat("kernel_product(): ", error.what()));
  }
}

std::shared_ptr<const ReadyGrid> PreparedProgram::ready_for(Sizes sizes,
                                                            DType dtype,
                                                            int device) const {
  {
    const std::scoped_lock lock(fork_lock(ForkLock::table));
    if (last_ && last_->is_for(sizes, dtype, device)) return last_;
  }
  auto ready = std::make_shared<const ReadyGrid>(launcher().driver(), program_,
                                                 sizes, dtype, device);
  const std::scoped_lock lock(fork_lock(ForkLock::table));
  last_ = ready;
  return ready;
}

}  // namespace gramless::cuda
