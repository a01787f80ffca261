// SPDX-License-Identifier: MIT
// Reads the processor's features.
#include "gramless/codegen/target.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "gramless/base/fork_lock.h"
#include "gramless/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace gramless {

const char* isa_name(VectorIsa isa) {
  switch (isa) {
    case VectorIsa::baseline:
      return "baseline";
    case VectorIsa::avx2:
      return "avx2";
    case VectorIsa::avx512:
      return "avx512";
  }
  throw InternalError("isa_name(): unknown instructions.");
}

Target aarch64_target() {
  return {"aarch64-unknown-linux-gnu", "generic", "+neon",
          VectorIsa::baseline,         true,      16};
}

#if defined(__x86_64__)
namespace {

enum Register : uint8_t { eax, ebx, ecx, edx };
using Registers = std::array<unsigned, 4>;

Registers cpuid(unsigned leaf) {
  Registers r{};
  __get_cpuid_count(leaf, 0, &r[eax], &r[ebx], &r[ecx], &r[edx]);
  return r;
}

/// Returns the register states that the operating system saves.
uint64_t saved_states() {
  constexpr unsigned kOsxsave = 1U << 27;
  if ((cpuid(1)[ecx] & kOsxsave) == 0) return 0;
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32U) | low;
}

/// A feature: where CPUID says that it is there, and which of the processor's
/// registers the operating system must save for it.
struct Feature {
  std::string_view name;
  unsigned leaf;
  Register where;
  unsigned bit;
  VectorIsa isa;
};

constexpr std::array kFeatures = {
    Feature{"sse3", 1, ecx, 0, VectorIsa::baseline},
    Feature{"ssse3", 1, ecx, 9, VectorIsa::baseline},
    Feature{"sse4.1", 1, ecx, 19, VectorIsa::baseline},
    Feature{"sse4.2", 1, ecx, 20, VectorIsa::baseline},
    Feature{"avx", 1, ecx, 28, VectorIsa::avx2},
    Feature{"fma", 1, ecx, 12, VectorIsa::avx2},
    Feature{"avx2", 7, ebx, 5, VectorIsa::avx2},
    Feature{"avx512f", 7, ebx, 16, VectorIsa::avx512},
    Feature{"avx512dq", 7, ebx, 17, VectorIsa::avx512},
    Feature{"avx512cd", 7, ebx, 28, VectorIsa::avx512},
    Feature{"avx512bw", 7, ebx, 30, VectorIsa::avx512},
    Feature{"avx512vl", 7, ebx, 31, VectorIsa::avx512},
};

/// Which features are available. Read once per process: on virtual machines
/// CPUID traps to the hypervisor, which takes tens of microseconds.
using Found = std::array<bool, kFeatures.size()>;

bool is_saved(VectorIsa isa, uint64_t states) {
  constexpr uint64_t kYmm = 0x06;  // XMM and the upper halves of YMM.
  constexpr uint64_t kZmm = 0xe6;  // And opmasks, ZMM, ZMM16 to ZMM31.
  const uint64_t needed = isa == VectorIsa::baseline ? 0
                          : isa == VectorIsa::avx2   ? kYmm
                                                     : kZmm;
  return (states & needed) == needed;
}

Found find_features() {
  const uint64_t states = saved_states();
  Found found{};
  for (std::size_t k = 0; k < kFeatures.size(); ++k) {
    const Feature& feature = kFeatures[k];
    found[k] =
        ((cpuid(feature.leaf)[feature.where] >> feature.bit) & 1U) != 0 &&
        is_saved(feature.isa, states);
  }
  return found;
}

constinit std::atomic<const Found*> found_features = nullptr;

/// Returns the highest step all of whose features are there.
VectorIsa find_isa(const Found& found, VectorIsa most) {
  VectorIsa isa = most;
  for (std::size_t k = 0; k < kFeatures.size(); ++k) {
    const VectorIsa step = kFeatures[k].isa;
    if (found[k] || step == VectorIsa::baseline) continue;
    isa = std::min(
        isa, step == VectorIsa::avx512 ? VectorIsa::avx2 : VectorIsa::baseline);
  }
  return isa;
}

}  // namespace

Target host_target(VectorIsa most) {
  const Found& found = made_once(found_features, find_features);
  Target target{"x86_64-unknown-linux-gnu", "x86-64", "",
                find_isa(found, most)};
  for (std::size_t k = 0; k < kFeatures.size(); ++k) {
    const Feature& feature = kFeatures[k];
    const bool is_baseline = feature.isa == VectorIsa::baseline;
    const bool is_used = is_baseline ? found[k] : feature.isa <= target.isa;
    if (!target.features.empty()) target.features += ",";
    target.features += is_used ? "+" : "-";
    target.features += feature.name;
  }
  target.has_fma = target.isa >= VectorIsa::avx2;
  if (target.isa == VectorIsa::avx2) target.vector_bytes = 32;
  if (target.isa == VectorIsa::avx512) target.vector_bytes = 64;
  return target;
}

#elif defined(__aarch64__)

Target host_target(VectorIsa) { return aarch64_target(); }

#else
#error "Gramless generates code for x86-64 and AArch64 only."
#endif

}  // namespace gramless
