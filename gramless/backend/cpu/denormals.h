// SPDX-License-Identifier: MIT
// Flushes denormal numbers to 0: arithmetic on them is up to 45 times slower.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gramless::cpu {

/// Flushes denormal arguments and results to 0 on this thread, and restores
/// the thread's mode at the end of the scope.
class FlushDenormals {
 public:
  FlushDenormals() : before_(mode()) { change_mode(before_ | kFlush); }
  ~FlushDenormals() { change_mode(before_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  static constexpr uint64_t kFlush = 0x8040;  // FTZ and DAZ.
  static uint64_t mode() { return _mm_getcsr(); }
  static void set_mode(uint64_t mode) {
    _mm_setcsr(static_cast<unsigned>(mode));
  }
#elif defined(__aarch64__)
  static constexpr uint64_t kFlush = uint64_t{1} << 24U;  // FZ.
  static uint64_t mode() {
    uint64_t mode = 0;
    asm volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void set_mode(uint64_t mode) {
    asm volatile("msr fpcr, %0" : : "r"(mode));
  }
#endif

  /// To read the mode is fast, to write it is not.
  static void change_mode(uint64_t wanted) {
    if (mode() != wanted) set_mode(wanted);
  }

  uint64_t before_;
};

}  // namespace gramless::cpu
