// SPDX-License-Identifier: MIT
// Reads, compares and rewrites files of cases.
#include "golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace gramless::testing {

void expect_texts_of(const char* path, int least_cases,
                     const std::function<std::string(std::string)>& text_of) {
  std::ifstream file(path);
  ASSERT_TRUE(file.good()) << path;
  std::string written;
  std::string line;
  std::string actual;
  std::string expected;
  int cases = 0;
  const auto finish = [&] {
    EXPECT_EQ(actual, expected);
    written += actual;
    expected.clear();
  };
  while (std::getline(file, line)) {
    if (line.starts_with("= ")) {
      finish();
      ++cases;
      actual = text_of(line.substr(2));
      written += line + "\n";
    } else {
      expected += line + "\n";
    }
  }
  finish();
  EXPECT_GE(cases, least_cases);
  file.close();
  if (std::getenv("GRAMLESS_UPDATE") != nullptr) {
    std::ofstream(path) << written;
  }
}

}  // namespace gramless::testing
