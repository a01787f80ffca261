// SPDX-License-Identifier: MIT
// A CUDA driver without a device: it checks how it is called, and records what
// it is asked to run. A test may say what a launch does.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "gramless/backend/cuda/functions.h"

namespace gramless::cuda {

/// What cuLaunchKernel was given, in a context.
struct FakeLaunch {
  std::string kernel;
  std::string ptx;
  ContextHandle context = nullptr;
  std::array<unsigned, 6> grid_and_block = {};
  unsigned shared_bytes = 0;
  StreamHandle stream = nullptr;
  std::vector<std::byte> parameters;
};

/// One of them lives at a time. Its functions do what the documentation of the
/// driver says; a wrong use is an error for the caller, as there, or a line of
/// `faults`.
class FakeDriver {
 public:
  FakeDriver();
  FakeDriver(const FakeDriver&) = delete;
  FakeDriver& operator=(const FakeDriver&) = delete;
  ~FakeDriver();

  /// Returns its functions, but for the one in `missing`.
  [[nodiscard]] FindFunction find() const;

  /// Makes a context of a device, as another library of the process would.
  ContextHandle make_context(DeviceHandle device);
  /// Ends a context with all that is in it.
  void end_context(ContextHandle context);
  /// Makes the next context lie at the address of one that has gone.
  void reuse_address(ContextHandle context);
  /// Makes a context current on this thread; null: none.
  static void set_current(ContextHandle context);
  /// Returns the contexts of this thread, the current one last.
  static std::vector<ContextHandle> contexts_of_thread();
  [[nodiscard]] StreamHandle make_stream(ContextHandle context);

  struct ContextState {
    DeviceHandle device = 0;
    unsigned long long id = 0;
  };
  struct ModuleState {
    ContextHandle context = nullptr;
    std::string ptx;
  };
  struct Memory {
    Memory(ContextHandle in, std::size_t size) : context(in), bytes(size) {}
    ContextHandle context;
    std::vector<std::byte> bytes;
  };
  struct KernelState {
    ModuleHandle module = nullptr;
    std::string name;
  };

  // What it is like.
  int version = 12040;
  int devices = 2;
  std::array<int, 2> capability = {9, 0};
  int multiprocessors = 132;
  bool is_initialized = false;
  bool knows_errors = true;
  std::string missing;
  std::string compiler_log;  // With it, no text is compiled.
  Status compiler_status = static_cast<Status>(218);
  std::set<StreamHandle> capturing;
  /// What a launch does; nothing where it is only recorded.
  std::function<void(const FakeLaunch&)> on_launch;
  /// The position of the call that fails, and how.
  std::size_t failing_call = SIZE_MAX;
  Status failure = static_cast<Status>(999);

  // What happened.
  std::vector<std::string> calls;
  std::vector<std::string> faults;
  std::vector<FakeLaunch> launches;
  std::map<ContextHandle, ContextState> contexts;
  std::map<DeviceHandle, int> retained;  // Primary contexts.
  std::map<ModuleHandle, ModuleState> modules;
  std::map<KernelHandle, KernelState> kernels;
  std::list<Memory> memory;

  /// Begins a call: records its name, and returns whether it is to fail.
  bool begin(const char* name);

  /// Guards all of it.
  std::recursive_mutex mutex;

 private:
  friend struct FakeFunctions;

  ContextHandle primary(DeviceHandle device);
  template <class Handle>
  Handle next_handle() {
    return reinterpret_cast<Handle>(next_handle_ += 16);
  }

  std::uintptr_t next_handle_ = 0x1000;
  unsigned long long next_id_ = 1;
  ContextHandle reused_ = nullptr;
  std::map<DeviceHandle, ContextHandle> primaries_;
  std::map<StreamHandle, ContextHandle> streams_;
};

}  // namespace gramless::cuda
