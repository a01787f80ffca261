// SPDX-License-Identifier: MIT
// The functions of the CUDA driver that are used, with their types: the one
// table through which it is called.
//
// No header of CUDA is needed. The names, the types and the numbers are those
// of NVIDIA's documentation of the driver; a name ends in the version of the
// function where it has one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless::cuda {

using DeviceHandle = int;
using DeviceAddress = std::uint64_t;
using ContextHandle = struct ContextObject*;
using ModuleHandle = struct ModuleObject*;
using KernelHandle = struct KernelObject*;
using StreamHandle = struct StreamObject*;

// NOLINTBEGIN(performance-enum-size): the driver's own have these sizes.

/// What functions return: 0, or the number of an error.
enum class Status : int {
  success = 0,
  not_initialized = 3,
  unsupported_ptx = 222,
  stream_capture_unsupported = 900,
  last_of_stream_capture = 908,
  /// Not of the driver: it was not called, see Driver::try_call().
  forked = -1,
};

enum class DeviceAttribute : int {
  multiprocessors = 16,
  major = 75,
  minor = 76
};

enum class ModuleOption : int { error_log = 5, error_log_bytes = 6 };

enum class CaptureMode : int { global = 0, thread_local_only = 1, relaxed = 2 };

enum class CaptureStatus : int { none = 0, active = 1, invalidated = 2 };

/// In the last argument of cuLaunchKernel: what the next pointer is.
enum class LaunchExtra : std::uintptr_t { end, parameters, parameter_bytes };

// NOLINTEND(performance-enum-size)

/// The streams that no cuStreamCreate made: the default stream, the same by
/// another name, and the default stream of the calling thread. They belong to
/// the context that is current.
constexpr std::uintptr_t kLastSpecialStream = 2;

/// Returns the address of a function by its name, or null.
using FindFunction = std::function<void*(const char* name)>;

/// A function of the driver. `Arguments` are those of its documentation.
template <class... Arguments>
struct DriverFunction {
  DriverFunction(const FindFunction& find, const char* its_name)
      : name(its_name),
        address(reinterpret_cast<Status (*)(Arguments...)>(find(its_name))) {
    if (address != nullptr) return;
    throw DeviceError(concat("expected a CUDA driver with the function ", name,
                             ", got one without it. Install a newer one."));
  }

  const char* name;
  Status (*address)(Arguments...);
};

struct DriverFunctions {
  /// Throws DeviceError if one of them cannot be found.
  explicit DriverFunctions(const FindFunction& find) : find_(find) {}

 private:
  const FindFunction find_;

 public:
  DriverFunction<unsigned> init{find_, "cuInit"};
  DriverFunction<Status, const char**> error_name{find_, "cuGetErrorName"};
  DriverFunction<Status, const char**> error_text{find_, "cuGetErrorString"};

  DriverFunction<int*> device_count{find_, "cuDeviceGetCount"};
  DriverFunction<DeviceHandle*, int> device{find_, "cuDeviceGet"};
  DriverFunction<char*, int, DeviceHandle> device_name{find_,
                                                       "cuDeviceGetName"};
  DriverFunction<std::size_t*, DeviceHandle> device_memory{
      find_, "cuDeviceTotalMem_v2"};
  DriverFunction<int*, DeviceAttribute, DeviceHandle> device_attribute{
      find_, "cuDeviceGetAttribute"};

  DriverFunction<ContextHandle*, DeviceHandle> retain_primary{
      find_, "cuDevicePrimaryCtxRetain"};
  DriverFunction<DeviceHandle> release_primary{find_,
                                               "cuDevicePrimaryCtxRelease_v2"};
  DriverFunction<ContextHandle*> current_context{find_, "cuCtxGetCurrent"};
  DriverFunction<DeviceHandle*> current_device{find_, "cuCtxGetDevice"};
  DriverFunction<ContextHandle, unsigned long long*> context_id{find_,
                                                                "cuCtxGetId"};
  DriverFunction<ContextHandle> push_context{find_, "cuCtxPushCurrent_v2"};
  DriverFunction<ContextHandle*> pop_context{find_, "cuCtxPopCurrent_v2"};

  DriverFunction<DeviceAddress*, std::size_t> allocate{find_, "cuMemAlloc_v2"};
  DriverFunction<DeviceAddress> release{find_, "cuMemFree_v2"};
  DriverFunction<DeviceAddress, const void*, std::size_t> copy_to_device{
      find_, "cuMemcpyHtoD_v2"};
  DriverFunction<void*, DeviceAddress, std::size_t> copy_to_host{
      find_, "cuMemcpyDtoH_v2"};

  DriverFunction<StreamHandle, ContextHandle*> stream_context{find_,
                                                              "cuStreamGetCtx"};
  DriverFunction<StreamHandle, CaptureStatus*> is_capturing{
      find_, "cuStreamIsCapturing"};
  DriverFunction<CaptureMode*> exchange_capture_mode{
      find_, "cuThreadExchangeStreamCaptureMode"};

  DriverFunction<ModuleHandle*, const void*, unsigned, ModuleOption*, void**>
      load_module{find_, "cuModuleLoadDataEx"};
  DriverFunction<ModuleHandle> unload_module{find_, "cuModuleUnload"};
  DriverFunction<KernelHandle*, ModuleHandle, const char*> get_kernel{
      find_, "cuModuleGetFunction"};
  DriverFunction<KernelHandle, unsigned, unsigned, unsigned, unsigned, unsigned,
                 unsigned, unsigned, StreamHandle, void**, void**>
      launch_kernel{find_, "cuLaunchKernel"};
};

}  // namespace gramless::cuda
