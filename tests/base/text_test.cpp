// SPDX-License-Identifier: MIT
// Tests the texts of messages.
#include "gramless/base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

namespace gramless {
namespace {

TEST(Text, NumbersReadBack) {
  EXPECT_EQ(number_text(2), "2");
  EXPECT_EQ(number_text(-0.5), "-0.5");
  EXPECT_EQ(number_text(1e300), "1e+300");
  std::mt19937_64 random(1);
  for (int round = 0; round < 1000; ++round) {
    const uint64_t bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(std::strtod(number_text(value).c_str(), nullptr), value);
  }
}

TEST(Text, ShapesLookLikePythonTuples) {
  EXPECT_EQ(shape_text({}), "()");
  EXPECT_EQ(shape_text(std::vector<int64_t>{3}), "(3,)");
  EXPECT_EQ(shape_text(std::vector<int64_t>{1000, 3}), "(1000, 3)");
}

TEST(Text, SuggestsNamesThatAreNear) {
  const std::vector<std::string> names = {"gaussian", "laplacian", "CPU"};
  EXPECT_EQ(did_you_mean("gausian", names), " Did you mean 'gaussian'?");
  EXPECT_EQ(did_you_mean("Gaussian", names), " Did you mean 'gaussian'?");
  EXPECT_EQ(did_you_mean("cpu", names), " Did you mean 'CPU'?");
  EXPECT_EQ(did_you_mean("lap", names), " Did you mean 'laplacian'?");
  EXPECT_EQ(did_you_mean("rbf", names), "");
  EXPECT_EQ(did_you_mean(std::string(100000, 'g'), names), "");
  const std::vector<std::string> letters = {"aa", "ab", "ac", "ad"};
  EXPECT_EQ(did_you_mean("a", letters), " Did you mean 'aa', 'ab' or 'ac'?");
}

TEST(Text, PointsAtCharactersAndNotBytes) {
  EXPECT_EQ(count_characters("größe"), 5);
  EXPECT_EQ(caret_picture("größe(x)", 0, 7), "\n  größe(x)\n  ^^^^^");
  EXPECT_EQ(caret_picture("a\nb", 2, 3), "\n  a b\n    ^");
  EXPECT_EQ(caret_picture("a +", 3, 3), "\n  a +\n     ^");
  EXPECT_EQ(caret_picture("  \n", 0, 1), "");
}

TEST(Text, CutsPicturesOfLongTexts) {
  const std::string text = std::string(500, 'a') + "!" + std::string(500, 'b');
  const std::string picture = caret_picture(text, 500, 501);
  EXPECT_LT(picture.size(), 200U);
  const std::size_t line = picture.find("...");
  const std::size_t mark = picture.find('!');
  const std::size_t caret = picture.find('^');
  ASSERT_NE(caret, std::string::npos);
  const std::size_t second = picture.rfind('\n');
  EXPECT_EQ(mark - picture.find('\n'), caret - second);
  EXPECT_NE(line, std::string::npos);
}

TEST(Text, QuotesAreCut) {
  EXPECT_EQ(gramless::quoted("a b"), "'a b'");
  EXPECT_EQ(gramless::quoted(std::string(1000, 'a')),
            "'" + std::string(40, 'a') + "...'");
}

}  // namespace
}  // namespace gramless
