// SPDX-License-Identifier: MIT
// Makes a target a program of libFuzzer, half of whose mutations are ours.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fuzz/mutator.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace gramless::testing {

inline size_t mutate_in_place(const std::string& seeds, uint8_t* data,
                              size_t size, size_t most, unsigned seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, most);
  static Mutator mutator(seeds);
  mutator.reseed(seed);
  const std::string text =
      mutator.mutate({reinterpret_cast<const char*>(data), size});
  const size_t length = std::min(text.size(), most);
  std::copy_n(text.begin(), length, data);
  return length;
}

}  // namespace gramless::testing

#define GRAMLESS_FUZZ_TARGET(name, check, seeds)                            \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    check({reinterpret_cast<const char*>(data), size});                     \
    return 0;                                                               \
  }                                                                         \
  extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,     \
                                            size_t most, unsigned seed) {   \
    return ::gramless::testing::mutate_in_place(seeds, data, size, most,    \
                                                seed);                      \
  }
