// SPDX-License-Identifier: MIT
// Launches kernels, and keeps the driver and the modules that they need.
#include "gramless/backend/cuda/launch.h"

#include <algorithm>
#include <atomic>
#include <bit>

namespace gramless::cuda {
namespace {

/// Modules kept: each takes some 100 kB of a device's memory. So many that no
/// work of the least recently used one, which leaves, should still be queued.
constexpr std::size_t kCapacity = 256;

constinit std::atomic<Launcher*> the_launcher = nullptr;

}  // namespace

Launcher::Launcher(const FindFunction& find)
    : driver_(find), modules_(kCapacity, fork_lock(ForkLock::table)) {}

void Launcher::launch(const Launch& launch) {
  const CurrentContext current(driver_, launch.device, launch.stream);
  const auto module = module_of(launch.module, current.context());
  keep_if_captured(module, launch.stream);
  // The driver copies the parameters, and its type says nothing of that.
  std::size_t bytes = launch.parameters.size();
  std::array<void*, 5> extra = {
      std::bit_cast<void*>(LaunchExtra::parameters),
      const_cast<std::byte*>(launch.parameters.data()),
      std::bit_cast<void*>(LaunchExtra::parameter_bytes), &bytes,
      std::bit_cast<void*>(LaunchExtra::end)};
  const auto& [grid_x, grid_y, grid_z] = launch.grid;
  const auto& [block_x, block_y, block_z] = launch.block;
  driver_.call(driver_.functions().launch_kernel, module->kernel(launch.kernel),
               grid_x, grid_y, grid_z, block_x, block_y, block_z,
               launch.shared_bytes, launch.stream, static_cast<void**>(nullptr),
               extra.data());
}

// One thread loads at a time: a module that two had loaded would be unloaded
// under the work of one of them.
std::shared_ptr<const LoadedModule> Launcher::module_of(
    const ModuleText& text, const Context& context) {
  const std::string key = concat(context.id, " ", text.number());
  if (auto found = modules_.find(key)) return found;
  const std::scoped_lock lock(mutex_);
  if (auto found = modules_.find(key)) return found;
  return modules_.get(key, [&] {
    return std::make_shared<const LoadedModule>(driver_, context, text);
  });
}

void Launcher::keep_if_captured(
    const std::shared_ptr<const LoadedModule>& module, StreamHandle stream) {
  CaptureStatus status = CaptureStatus::none;
  driver_.call(driver_.functions().is_capturing, stream, &status);
  if (status == CaptureStatus::none) return;
  const std::scoped_lock lock(mutex_);
  const bool is_kept =
      std::find(captured_.begin(), captured_.end(), module) != captured_.end();
  if (!is_kept) captured_.push_back(module);
}

Launcher& launcher() {
  return made_once(the_launcher,
                   [] { return Launcher(open_library(kDriverLibrary)); });
}

}  // namespace gramless::cuda
