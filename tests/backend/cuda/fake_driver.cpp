// SPDX-License-Identifier: MIT
// Implements the driver's functions, after NVIDIA's documentation of them.
#include "backend/cuda/fake_driver.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace gramless::cuda {
namespace {

constexpr auto kInvalidValue = static_cast<Status>(1);
constexpr auto kInvalidDevice = static_cast<Status>(101);
constexpr auto kInvalidContext = static_cast<Status>(201);
constexpr auto kInvalidHandle = static_cast<Status>(400);
constexpr auto kNotFound = static_cast<Status>(500);
constexpr auto kNotInitialized = Status::not_initialized;

FakeDriver* the_fake = nullptr;
thread_local std::vector<ContextHandle> stack;
thread_local CaptureMode capture_mode = CaptureMode::global;

/// One call: under the lock, and with its name recorded.
class Call {
 public:
  explicit Call(const char* name)
      : lock_(the_fake->mutex), fails_(the_fake->begin(name)) {
    if (!the_fake->is_initialized) is_early_ = true;
  }

  /// Returns why the call ends before it does anything.
  [[nodiscard]] Status status(bool needs_context = false) const {
    if (fails_) return the_fake->failure;
    if (is_early_) return kNotInitialized;
    if (needs_context && stack.empty()) return kInvalidContext;
    if (needs_context && !the_fake->contexts.contains(stack.back())) {
      return kInvalidContext;
    }
    return Status::success;
  }
  [[nodiscard]] bool fails() const { return fails_; }

 private:
  std::scoped_lock<std::recursive_mutex> lock_;
  bool fails_;
  bool is_early_ = false;
};

/// While a stream is captured, code is loaded and unloaded with leave only.
bool breaks_capture() {
  return !the_fake->capturing.empty() && capture_mode != CaptureMode::relaxed;
}

void check_text(bool is_right, std::string_view fault) {
  if (!is_right) the_fake->faults.emplace_back(fault);
}

}  // namespace

struct FakeFunctions {
  static Status init(unsigned flags) {
    const Call call("cuInit");
    if (call.fails()) return the_fake->failure;
    check_text(flags == 0, "cuInit: flags that are not 0");
    the_fake->is_initialized = true;
    return Status::success;
  }

  static Status driver_version(int* version) {
    const Call call("cuDriverGetVersion");
    if (call.fails()) return the_fake->failure;
    *version = the_fake->version;
    return Status::success;
  }

  static Status error_name(Status status, const char** name) {
    const Call call("cuGetErrorName");
    if (call.fails() || !the_fake->knows_errors) return kInvalidValue;
    *name = status == the_fake->failure ? "CUDA_ERROR_UNKNOWN"
                                        : "CUDA_ERROR_OF_THE_FAKE";
    return Status::success;
  }

  static Status error_text(Status status, const char** text) {
    const Call call("cuGetErrorString");
    if (call.fails() || !the_fake->knows_errors) return kInvalidValue;
    *text = status == the_fake->failure ? "unknown error" : "a wrong call";
    return Status::success;
  }

  static Status device_count(int* count) {
    const Call call("cuDeviceGetCount");
    if (const Status s = call.status(); s != Status::success) return s;
    *count = the_fake->devices;
    return Status::success;
  }

  static Status device(DeviceHandle* device, int index) {
    const Call call("cuDeviceGet");
    if (const Status s = call.status(); s != Status::success) return s;
    if (index < 0 || index >= the_fake->devices) return kInvalidDevice;
    *device = index;
    return Status::success;
  }

  static Status device_name(char* name, int size, DeviceHandle device) {
    const Call call("cuDeviceGetName");
    if (const Status s = call.status(); s != Status::success) return s;
    const std::string model = concat("Fake ", device);
    check_text(size > 100, "cuDeviceGetName: a short name");
    std::memcpy(name, model.c_str(), model.size() + 1);
    return Status::success;
  }

  static Status device_memory(std::size_t* bytes, DeviceHandle device) {
    const Call call("cuDeviceTotalMem_v2");
    if (const Status s = call.status(); s != Status::success) return s;
    *bytes = (std::size_t{80} << 30U) + static_cast<std::size_t>(device);
    return Status::success;
  }

  static Status device_attribute(int* value, DeviceAttribute which,
                                 DeviceHandle) {
    const Call call("cuDeviceGetAttribute");
    if (const Status s = call.status(); s != Status::success) return s;
    *value =
        which == DeviceAttribute::multiprocessors
            ? the_fake->multiprocessors
            : the_fake->capability.at(which == DeviceAttribute::major ? 0 : 1);
    return Status::success;
  }

  static Status retain_primary(ContextHandle* context, DeviceHandle device) {
    const Call call("cuDevicePrimaryCtxRetain");
    if (const Status s = call.status(); s != Status::success) return s;
    *context = the_fake->primary(device);
    ++the_fake->retained[device];
    return Status::success;
  }

  static Status release_primary(DeviceHandle device) {
    const Call call("cuDevicePrimaryCtxRelease_v2");
    if (const Status s = call.status(); s != Status::success) return s;
    check_text(the_fake->retained[device] > 0, "a release too many");
    if (--the_fake->retained[device] == 0) {
      the_fake->end_context(the_fake->primary(device));
    }
    return Status::success;
  }

  static Status current_context(ContextHandle* context) {
    const Call call("cuCtxGetCurrent");
    if (const Status s = call.status(); s != Status::success) return s;
    *context = stack.empty() ? nullptr : stack.back();
    return Status::success;
  }

  static Status current_device(DeviceHandle* device) {
    const Call call("cuCtxGetDevice");
    if (const Status s = call.status(true); s != Status::success) return s;
    *device = the_fake->contexts.at(stack.back()).device;
    return Status::success;
  }

  static Status context_id(ContextHandle context, unsigned long long* id) {
    const Call call("cuCtxGetId");
    if (const Status s = call.status(); s != Status::success) return s;
    const auto found = the_fake->contexts.find(context);
    if (found == the_fake->contexts.end()) return kInvalidContext;
    *id = found->second.id;
    return Status::success;
  }

  static Status push_context(ContextHandle context) {
    const Call call("cuCtxPushCurrent_v2");
    if (const Status s = call.status(); s != Status::success) return s;
    if (!the_fake->contexts.contains(context)) return kInvalidContext;
    stack.push_back(context);
    return Status::success;
  }

  static Status pop_context(ContextHandle* context) {
    const Call call("cuCtxPopCurrent_v2");
    if (const Status s = call.status(); s != Status::success) return s;
    if (stack.empty()) return kInvalidContext;
    *context = stack.back();
    stack.pop_back();
    return Status::success;
  }

  static Status allocate(DeviceAddress* address, std::size_t bytes) {
    const Call call("cuMemAlloc_v2");
    if (const Status s = call.status(true); s != Status::success) return s;
    if (bytes == 0) return kInvalidValue;
    auto& memory = the_fake->memory;
    const auto* first = memory.emplace_back(stack.back(), bytes).bytes.data();
    *address = reinterpret_cast<DeviceAddress>(first);
    return Status::success;
  }

  static Status release(DeviceAddress address) {
    const Call call("cuMemFree_v2");
    if (const Status s = call.status(true); s != Status::success) return s;
    const auto found = find_memory(address);
    if (found == the_fake->memory.end()) return kInvalidValue;
    the_fake->memory.erase(found);
    return Status::success;
  }

  static Status copy_to_device(DeviceAddress to, const void* from,
                               std::size_t bytes) {
    const Call call("cuMemcpyHtoD_v2");
    if (const Status s = call.status(true); s != Status::success) return s;
    const auto found = find_memory(to);
    if (found == the_fake->memory.end()) return kInvalidValue;
    std::memcpy(found->bytes.data(), from, bytes);
    return Status::success;
  }

  static Status copy_to_host(void* to, DeviceAddress from, std::size_t bytes) {
    const Call call("cuMemcpyDtoH_v2");
    if (const Status s = call.status(true); s != Status::success) return s;
    const auto found = find_memory(from);
    if (found == the_fake->memory.end()) return kInvalidValue;
    std::memcpy(to, found->bytes.data(), bytes);
    return Status::success;
  }

  /// Returns the memory of the current context at an address.
  static std::list<FakeDriver::Memory>::iterator find_memory(
      DeviceAddress address) {
    return std::ranges::find_if(the_fake->memory, [&](const auto& memory) {
      return memory.context == stack.back() &&
             reinterpret_cast<DeviceAddress>(memory.bytes.data()) == address;
    });
  }

  static Status stream_context(StreamHandle stream, ContextHandle* context) {
    const Call call("cuStreamGetCtx");
    if (const Status s = call.status(); s != Status::success) return s;
    const auto found = the_fake->streams_.find(stream);
    if (found == the_fake->streams_.end()) return kInvalidHandle;
    *context = found->second;
    return Status::success;
  }

  static Status is_capturing(StreamHandle stream, CaptureStatus* status) {
    const Call call("cuStreamIsCapturing");
    if (const Status s = call.status(true); s != Status::success) return s;
    *status = the_fake->capturing.contains(stream) ? CaptureStatus::active
                                                   : CaptureStatus::none;
    return Status::success;
  }

  static Status exchange_capture_mode(CaptureMode* mode) {
    const Call call("cuThreadExchangeStreamCaptureMode");
    if (const Status s = call.status(); s != Status::success) return s;
    std::swap(*mode, capture_mode);
    return Status::success;
  }

  static Status load_module(ModuleHandle* module, const void* image,
                            unsigned count, ModuleOption* options,
                            void** values) {
    const Call call("cuModuleLoadDataEx");
    if (const Status s = call.status(true); s != Status::success) return s;
    if (breaks_capture()) return Status::stream_capture_unsupported;
    if (!the_fake->compiler_log.empty() ||
        the_fake->compiler_status == Status::unsupported_ptx ||
        the_fake->compiler_status == Status::stream_capture_unsupported) {
      char* log = nullptr;
      std::size_t bytes = 0;
      for (unsigned k = 0; k < count; ++k) {
        if (options[k] == ModuleOption::error_log) {
          log = static_cast<char*>(values[k]);
        } else if (options[k] == ModuleOption::error_log_bytes) {
          bytes = reinterpret_cast<std::size_t>(values[k]);
        }
      }
      std::strncpy(log, the_fake->compiler_log.c_str(), bytes);
      return the_fake->compiler_status;
    }
    *module = the_fake->next_handle<ModuleHandle>();
    the_fake->modules[*module] = {stack.back(),
                                  static_cast<const char*>(image)};
    return Status::success;
  }

  static Status unload_module(ModuleHandle module) {
    const Call call("cuModuleUnload");
    if (const Status s = call.status(true); s != Status::success) return s;
    if (breaks_capture()) return Status::stream_capture_unsupported;
    const auto found = the_fake->modules.find(module);
    if (found == the_fake->modules.end()) {
      the_fake->faults.emplace_back("cuModuleUnload: not a module");
      return kInvalidHandle;
    }
    check_text(found->second.context == stack.back(),
               "cuModuleUnload: in another context");
    the_fake->modules.erase(found);
    return Status::success;
  }

  static Status get_kernel(KernelHandle* kernel, ModuleHandle module,
                           const char* name) {
    const Call call("cuModuleGetFunction");
    if (const Status s = call.status(true); s != Status::success) return s;
    const auto found = the_fake->modules.find(module);
    if (found == the_fake->modules.end()) return kInvalidHandle;
    const std::string entry = concat(".entry ", name, "(");
    if (found->second.ptx.find(entry) == std::string::npos) return kNotFound;
    *kernel = the_fake->next_handle<KernelHandle>();
    the_fake->kernels[*kernel] = {module, name};
    return Status::success;
  }

  static Status launch_kernel(KernelHandle kernel, unsigned grid_x,
                              unsigned grid_y, unsigned grid_z,
                              unsigned block_x, unsigned block_y,
                              unsigned block_z, unsigned shared_bytes,
                              StreamHandle stream, void** parameters,
                              void** extra) {
    const Call call("cuLaunchKernel");
    if (const Status s = call.status(true); s != Status::success) return s;
    const auto found = the_fake->kernels.find(kernel);
    if (found == the_fake->kernels.end()) return kInvalidHandle;
    const auto module = the_fake->modules.find(found->second.module);
    if (module == the_fake->modules.end() ||
        module->second.context != stack.back()) {
      return kInvalidHandle;
    }
    const bool is_special =
        reinterpret_cast<std::uintptr_t>(stream) <= kLastSpecialStream;
    if (!is_special && (!the_fake->streams_.contains(stream) ||
                        the_fake->streams_.at(stream) != stack.back())) {
      return kInvalidHandle;
    }
    if (shared_bytes > 48 * 1024) {
      return kInvalidValue;
    }
    check_text(parameters == nullptr, "cuLaunchKernel: both parameters");
    const auto word = [&](int k) {
      return reinterpret_cast<std::uintptr_t>(extra[k]);
    };
    check_text(word(0) == 1 && word(2) == 2 && word(4) == 0,
               "cuLaunchKernel: no buffer of parameters");
    const auto* bytes = static_cast<const std::byte*>(extra[1]);
    the_fake->launches.push_back(
        {found->second.name,
         module->second.ptx,
         stack.back(),
         {grid_x, grid_y, grid_z, block_x, block_y, block_z},
         shared_bytes,
         stream,
         {bytes, bytes + *static_cast<const std::size_t*>(extra[3])}});
    if (the_fake->on_launch) the_fake->on_launch(the_fake->launches.back());
    return Status::success;
  }
};

namespace {

template <class F>
void* address_of(F* function) {
  return reinterpret_cast<void*>(function);
}

/// The functions by the names that the driver's library exports.
std::map<std::string, void*> functions_by_name() {
  using F = FakeFunctions;
  return {
      {"cuInit", address_of(F::init)},
      {"cuDriverGetVersion", address_of(F::driver_version)},
      {"cuGetErrorName", address_of(F::error_name)},
      {"cuGetErrorString", address_of(F::error_text)},
      {"cuDeviceGetCount", address_of(F::device_count)},
      {"cuDeviceGet", address_of(F::device)},
      {"cuDeviceGetName", address_of(F::device_name)},
      {"cuDeviceTotalMem_v2", address_of(F::device_memory)},
      {"cuDeviceGetAttribute", address_of(F::device_attribute)},
      {"cuDevicePrimaryCtxRetain", address_of(F::retain_primary)},
      {"cuDevicePrimaryCtxRelease_v2", address_of(F::release_primary)},
      {"cuCtxGetCurrent", address_of(F::current_context)},
      {"cuCtxGetDevice", address_of(F::current_device)},
      {"cuCtxGetId", address_of(F::context_id)},
      {"cuCtxPushCurrent_v2", address_of(F::push_context)},
      {"cuCtxPopCurrent_v2", address_of(F::pop_context)},
      {"cuMemAlloc_v2", address_of(F::allocate)},
      {"cuMemFree_v2", address_of(F::release)},
      {"cuMemcpyHtoD_v2", address_of(F::copy_to_device)},
      {"cuMemcpyDtoH_v2", address_of(F::copy_to_host)},
      {"cuStreamGetCtx", address_of(F::stream_context)},
      {"cuStreamIsCapturing", address_of(F::is_capturing)},
      {"cuThreadExchangeStreamCaptureMode",
       address_of(F::exchange_capture_mode)},
      {"cuModuleLoadDataEx", address_of(F::load_module)},
      {"cuModuleUnload", address_of(F::unload_module)},
      {"cuModuleGetFunction", address_of(F::get_kernel)},
      {"cuLaunchKernel", address_of(F::launch_kernel)},
  };
}

}  // namespace

FakeDriver::FakeDriver() {
  the_fake = this;
  stack.clear();
  capture_mode = CaptureMode::global;
}

FakeDriver::~FakeDriver() { the_fake = nullptr; }

FindFunction FakeDriver::find() const {
  return [functions = functions_by_name(), this](const char* name) -> void* {
    const auto found = functions.find(name);
    return found == functions.end() || name == missing ? nullptr
                                                       : found->second;
  };
}

bool FakeDriver::begin(const char* name) {
  calls.emplace_back(name);
  return calls.size() - 1 == failing_call;
}

ContextHandle FakeDriver::make_context(DeviceHandle device) {
  const ContextHandle context =
      reused_ != nullptr ? reused_ : next_handle<ContextHandle>();
  reused_ = nullptr;
  contexts[context] = {device, next_id_++};
  return context;
}

void FakeDriver::end_context(ContextHandle context) {
  contexts.erase(context);
  std::erase_if(memory,
                [&](const Memory& each) { return each.context == context; });
  std::erase_if(modules, [&](const auto& module) {
    return module.second.context == context;
  });
  std::erase_if(primaries_,
                [&](const auto& primary) { return primary.second == context; });
}

void FakeDriver::reuse_address(ContextHandle context) { reused_ = context; }

void FakeDriver::set_current(ContextHandle context) {
  stack.clear();
  if (context != nullptr) stack.push_back(context);
}

std::vector<ContextHandle> FakeDriver::contexts_of_thread() { return stack; }

StreamHandle FakeDriver::make_stream(ContextHandle context) {
  const auto stream = next_handle<StreamHandle>();
  streams_[stream] = context;
  return stream;
}

ContextHandle FakeDriver::primary(DeviceHandle device) {
  const auto found = primaries_.find(device);
  if (found != primaries_.end()) return found->second;
  return primaries_[device] = make_context(device);
}

}  // namespace gramless::cuda
