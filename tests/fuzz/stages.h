// SPDX-License-Identifier: MIT
// Passes a kernel through all stages, with random forms of its arguments.
#pragma once

#include <random>

#include "fuzz/target.h"
#include "gramless/call/build.h"

namespace gramless::testing {

class Draw {
 public:
  explicit Draw(std::string_view text) : random_(seed_of(text)) {}

  std::size_t below(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }

  template <class T>
  T one_of(std::initializer_list<T> list) {
    return list.begin()[below(list.size())];
  }

 private:
  std::mt19937 random_;
};

/// Returns a mode that takes the kernel.
Mode draw_mode(Draw& draw, const ParsedKernel& kernel);

/// Builds, differentiates, simplifies, prints, reads back and lowers.
void check_build(const ParsedKernel& kernel, const Signature& signature);

}  // namespace gramless::testing
