// SPDX-License-Identifier: MIT
// Makes a target a test: of its seeds, and of thousands of their mutations,
// the same ones each time.
#pragma once

#include <gtest/gtest.h>

#include "fuzz/mutator.h"

namespace gramless::testing {

inline void run_as_test(FuzzCheck check, const std::string& seeds) {
  constexpr int kMutations = 5000;
  Mutator mutator(seeds);
  const auto run = [check](const std::string& text) {
    ASSERT_NO_THROW(check(text)) << "for " << ::testing::PrintToString(text);
  };
  for (const std::string& seed : mutator.seeds()) run(seed);
  const std::size_t count = mutator.seeds().size();
  for (int k = 0; k < kMutations && !::testing::Test::HasFailure(); ++k) {
    run(mutator.mutate(mutator.seeds()[mutator.below(count)]));
  }
}

}  // namespace gramless::testing

#define GRAMLESS_FUZZ_TARGET(name, check, seeds) \
  TEST(Fuzz, name) { ::gramless::testing::run_as_test(check, seeds); }
