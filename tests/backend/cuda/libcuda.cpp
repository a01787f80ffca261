// SPDX-License-Identifier: MIT
// A library with the name and the functions of the CUDA driver's, for tests of
// how it is found. It has one device, on which nothing runs.
#include <cstddef>
#include <cstring>

#include "gramless/backend/cuda/functions.h"

using gramless::cuda::DeviceAttribute;
using gramless::cuda::DeviceHandle;
using gramless::cuda::Status;

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

// The rest is there, and fails.
Status cuGetErrorName() { return Status::not_initialized; }
Status cuGetErrorString() { return Status::not_initialized; }
Status cuDevicePrimaryCtxRetain() { return Status::not_initialized; }
Status cuDevicePrimaryCtxRelease_v2() { return Status::not_initialized; }
Status cuCtxGetCurrent() { return Status::not_initialized; }
Status cuCtxGetDevice() { return Status::not_initialized; }
Status cuCtxGetId() { return Status::not_initialized; }
Status cuCtxPushCurrent_v2() { return Status::not_initialized; }
Status cuCtxPopCurrent_v2() { return Status::not_initialized; }
Status cuMemAlloc_v2() { return Status::not_initialized; }
Status cuMemFree_v2() { return Status::not_initialized; }
Status cuMemcpyHtoD_v2() { return Status::not_initialized; }
Status cuMemcpyDtoH_v2() { return Status::not_initialized; }
Status cuStreamGetCtx() { return Status::not_initialized; }
Status cuStreamIsCapturing() { return Status::not_initialized; }
Status cuThreadExchangeStreamCaptureMode() { return Status::not_initialized; }
Status cuModuleLoadDataEx() { return Status::not_initialized; }
Status cuModuleUnload() { return Status::not_initialized; }
Status cuModuleGetFunction() { return Status::not_initialized; }
Status cuLaunchKernel() { return Status::not_initialized; }

}  // extern "C"
