// SPDX-License-Identifier: MIT
// The processor that code is generated for, as CPUID and the operating system
// report it: the features, never the name.
#pragma once

#include <cstdint>
#include <string>

namespace gramless {

/// Steps of vector instructions, each with all that the one before has.
enum class VectorIsa : uint8_t {
  baseline,  // SSE2 on x86-64, NEON on AArch64.
  avx2,      // With FMA.
  avx512,    // F, VL, DQ, BW and CD.
};

struct Target {
  std::string triple;
  /// For LLVM: a generic processor, and each feature with + or -.
  std::string cpu;
  std::string features;
  VectorIsa isa = VectorIsa::baseline;
  /// Whether a fused multiply-add is one instruction.
  bool has_fma = false;
  int vector_bytes = 16;
  /// Whether it is a GPU: numbers, and no vectors of them.
  bool is_cuda = false;

  bool operator==(const Target&) const = default;
};

/// Returns this machine's target, with no vector instructions above `most`.
Target host_target(VectorIsa most = VectorIsa::avx512);

/// Returns the target of any AArch64 processor. On other machines, code for it
/// can be generated but not compiled.
Target aarch64_target();

/// Returns `baseline`, `avx2` or `avx512`.
const char* isa_name(VectorIsa isa);

}  // namespace gramless
