// SPDX-License-Identifier: MIT
// Chooses contexts, and makes them current.
#include "gramless/backend/cuda/context.h"

#include <bit>

namespace gramless::cuda {

CurrentContext::CurrentContext(const Driver& driver, int device,
                               StreamHandle stream)
    : driver_(driver) {
  const DriverFunctions& functions = driver.functions();
  const DeviceHandle handle = driver.device(device);
  ContextHandle current = nullptr;
  driver.call(functions.current_context, &current);
  context_.handle = choose(current, handle, stream);
  if (context_.handle != current) {
    driver.call(functions.push_context, context_.handle);
    is_pushed_ = true;
  }
  try {
    check_device(device, handle);
    driver.call(functions.context_id, context_.handle, &context_.id);
  } catch (...) {
    pop();
    throw;
  }
}

CurrentContext::~CurrentContext() { pop(); }

ContextHandle CurrentContext::choose(ContextHandle current, DeviceHandle device,
                                     StreamHandle stream) const {
  const DriverFunctions& functions = driver_.functions();
  if (std::bit_cast<std::uintptr_t>(stream) > kLastSpecialStream) {
    ContextHandle of_stream = nullptr;
    driver_.call(functions.stream_context, stream, &of_stream);
    return of_stream;
  }
  if (current != nullptr) {
    DeviceHandle of_current = 0;
    driver_.call(functions.current_device, &of_current);
    if (of_current == device) return current;
  }
  return driver_.primary_context(device);
}

void CurrentContext::check_device(int index, DeviceHandle device) const {
  DeviceHandle of_context = 0;
  driver_.call(driver_.functions().current_device, &of_context);
  if (of_context == device) return;
  throw DeviceError(
      concat("expected a stream of cuda:", index,
             ", where the arrays are, got one of cuda:", of_context, "."));
}

void CurrentContext::pop() const {
  if (!is_pushed_) return;
  ContextHandle popped = nullptr;
  // What failed before is what callers hear of.
  static_cast<void>(driver_.try_call(driver_.functions().pop_context, &popped));
}

CaptureLeave::CaptureLeave(const Driver& driver) : driver_(driver) {
  driver.call(driver.functions().exchange_capture_mode, &mode_);
}

CaptureLeave::~CaptureLeave() {
  static_cast<void>(
      driver_.try_call(driver_.functions().exchange_capture_mode, &mode_));
}

}  // namespace gramless::cuda
