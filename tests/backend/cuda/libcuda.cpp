// SPDX-License-Identifier: MIT
// A library with the name and the functions of the CUDA driver's, for tests of
// how it is found and of what calls ask it for. It has one device, on which
// nothing runs: launches are counted.
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "gramless/backend/cuda/functions.h"

using namespace gramless::cuda;

namespace {

int launches = 0;

/// Returns a handle, which nobody looks behind.
template <class Handle>
Handle handle() {
  return reinterpret_cast<Handle>(&launches);
}

}  // namespace

extern "C" {

Status cuInit(unsigned /*flags*/) { return Status::success; }

Status cuDriverGetVersion(int* version) {
  *version = 12080;
  return Status::success;
}

Status cuDeviceGetCount(int* count) {
  *count = 1;
  return Status::success;
}

Status cuDeviceGet(DeviceHandle* device, int index) {
  *device = index;
  return Status::success;
}

Status cuDeviceGetName(char* name, int size, DeviceHandle /*device*/) {
  std::strncpy(name, "Device of the tests", static_cast<std::size_t>(size));
  return Status::success;
}

Status cuDeviceTotalMem_v2(std::size_t* bytes, DeviceHandle /*device*/) {
  *bytes = std::size_t{24} << 30U;
  return Status::success;
}

Status cuDeviceGetAttribute(int* value, DeviceAttribute which,
                            DeviceHandle /*device*/) {
  *value = which == DeviceAttribute::multiprocessors ? 28
           : which == DeviceAttribute::major         ? 8
                                                     : 6;
  return Status::success;
}

Status cuCtxGetCurrent(ContextHandle* context) {
  *context = handle<ContextHandle>();
  return Status::success;
}

Status cuCtxGetDevice(DeviceHandle* device) {
  *device = 0;
  return Status::success;
}

Status cuCtxGetId(ContextHandle /*context*/, unsigned long long* id) {
  *id = 1;
  return Status::success;
}

Status cuMemAlloc_v2(void** address, std::size_t bytes) {
  *address = std::calloc(bytes, 1);
  return Status::success;
}

Status cuMemFree_v2(void* address) {
  std::free(address);
  return Status::success;
}

Status cuMemcpyHtoD_v2(void* to, const void* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  return Status::success;
}

Status cuMemcpyDtoH_v2(void* to, const void* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  return Status::success;
}

Status cuStreamIsCapturing(StreamHandle /*stream*/, CaptureStatus* status) {
  *status = CaptureStatus::none;
  return Status::success;
}

Status cuThreadExchangeStreamCaptureMode() { return Status::success; }

Status cuModuleLoadDataEx(ModuleHandle* module) {
  *module = handle<ModuleHandle>();
  return Status::success;
}

Status cuModuleGetFunction(KernelHandle* kernel) {
  *kernel = handle<KernelHandle>();
  return Status::success;
}

Status cuLaunchKernel() {
  ++launches;
  return Status::success;
}

/// Not of the driver: how many launches there were.
int gramless_launches() { return launches; }

// The rest is there, and fails.
Status cuGetErrorName() { return Status::not_initialized; }
Status cuGetErrorString() { return Status::not_initialized; }
Status cuDevicePrimaryCtxRetain() { return Status::not_initialized; }
Status cuDevicePrimaryCtxRelease_v2() { return Status::not_initialized; }
Status cuCtxPushCurrent_v2() { return Status::not_initialized; }
Status cuCtxPopCurrent_v2() { return Status::not_initialized; }
Status cuStreamGetCtx() { return Status::not_initialized; }
Status cuModuleUnload() { return Status::not_initialized; }

}  // extern "C"
