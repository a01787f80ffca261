// SPDX-License-Identifier: MIT
// The context that work is queued in, current for as long as it is needed.
#pragma once

#include "gramless/backend/cuda/driver.h"

namespace gramless::cuda {

/// A context, with the number that no other context of the process ever has:
/// a new one may lie at the address of one that is gone.
struct Context {
  ContextHandle handle = nullptr;
  unsigned long long id = 0;
};

/// Makes a context current on this thread for its own lifetime, where it is not
/// yet.
class CurrentContext {
 public:
  /// Chooses the context of the stream. One of the default streams belongs to
  /// the context that is current, if that is one of the device, else to the
  /// device's primary context. Throws DeviceError for the stream of another
  /// device.
  CurrentContext(const Driver& driver, int device, StreamHandle stream);
  CurrentContext(const CurrentContext&) = delete;
  CurrentContext& operator=(const CurrentContext&) = delete;
  ~CurrentContext();

  [[nodiscard]] const Context& context() const { return context_; }

 private:
  [[nodiscard]] ContextHandle choose(ContextHandle current, DeviceHandle device,
                                     StreamHandle stream) const;
  void check_device(int index, DeviceHandle device) const;
  void pop() const;

  const Driver& driver_;
  Context context_;
  bool is_pushed_ = false;
};

/// Lets this thread load and unload code while a stream, of whichever thread,
/// is captured in a graph: neither is a part of the graph, and without leave
/// either would break it.
class CaptureLeave {
 public:
  explicit CaptureLeave(const Driver& driver);
  CaptureLeave(const CaptureLeave&) = delete;
  CaptureLeave& operator=(const CaptureLeave&) = delete;
  ~CaptureLeave();

 private:
  const Driver& driver_;
  CaptureMode mode_ = CaptureMode::relaxed;  // Exchanged for the thread's.
};

}  // namespace gramless::cuda
