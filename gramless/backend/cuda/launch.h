// SPDX-License-Identifier: MIT
// Queues kernels on the caller's stream.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "gramless/backend/cuda/module.h"
#include "gramless/base/bounded_table.h"

namespace gramless::cuda {

/// One run of a kernel over a grid of blocks. It waits for nothing and copies
/// no array: what its parameters point to has to live until the stream has come
/// to its end.
struct Launch {
  const ModuleText& module;
  std::string_view kernel;
  std::array<unsigned, 3> grid = {1, 1, 1};
  std::array<unsigned, 3> block = {1, 1, 1};
  /// Of the memory that a block's threads share and whose size the kernel
  /// leaves open: 48 KiB at most.
  unsigned shared_bytes = 0;
  /// The kernel's parameters as they lie in memory, each at a multiple of its
  /// own size.
  std::span<const std::byte> parameters = {};
  int device = 0;
  StreamHandle stream = nullptr;
};

/// Launches kernels, and keeps the modules that were used last. Safe to use
/// from several threads.
class Launcher {
 public:
  /// Throws DeviceError where the driver cannot be used.
  explicit Launcher(const FindFunction& find);

  [[nodiscard]] const Driver& driver() const { return driver_; }

  /// Queues a launch. Throws DeviceError with the function of the driver that
  /// failed. Any stream may be captured in a graph, also in the first call: its
  /// module is loaded then, and, as graphs point to it, stays for ever.
  void launch(const Launch& launch);

  /// How many modules are kept.
  [[nodiscard]] std::size_t modules() const { return modules_.size(); }

 private:
  std::shared_ptr<const LoadedModule> module_of(const ModuleText& text,
                                                const Context& context);
  void keep_if_captured(const std::shared_ptr<const LoadedModule>& module,
                        StreamHandle stream);

  const Driver driver_;
  BoundedTable<LoadedModule> modules_;
  std::mutex mutex_;  // Guards loading, and what graphs point to.
  std::vector<std::shared_ptr<const LoadedModule>> captured_;
};

/// Returns the launcher of this process, which opens the driver when it is
/// first asked for. Throws DeviceError where there is none that can be used.
Launcher& launcher();

/// Where the driver is looked for: a name that the dynamic linker resolves.
constexpr const char* kDriverLibrary = "libcuda.so.1";

}  // namespace gramless::cuda
