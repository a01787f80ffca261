// SPDX-License-Identifier: MIT
// Tests which strides are refused, by addresses written out.
#include "gramless/base/check_array.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "gramless/base/error.h"

namespace gramless {
namespace {

bool is_refused(const MutableArrayView& array) {
  try {
    check_array("f", "a", array);
  } catch (const ArgumentError&) {
    return true;
  }
  return false;
}

TEST(CheckArray, RefusesElementsAtOneAddress) {
  double memory = 0;
  int refused = 0;
  for (int64_t rows = 0; rows < 6; ++rows) {
    for (int64_t columns = 0; columns < 6; ++columns) {
      for (int64_t s = -8; s <= 8; ++s) {
        for (int64_t t = -8; t <= 8; ++t) {
          std::set<int64_t> offsets;
          for (int64_t k = 0; k < rows * columns; ++k) {
            offsets.insert(k / columns * s + k % columns * t);
          }
          const bool overlaps =
              static_cast<int64_t>(offsets.size()) < rows * columns;
          refused += overlaps ? 1 : 0;
          EXPECT_EQ(is_refused(
                        {&memory, DType::float64, {rows, columns}, {s, t}, {}}),
                    overlaps)
              << rows << " x " << columns << ", strides " << s << ", " << t;
        }
      }
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_TRUE(is_refused({&memory, DType::float64, {2}, {0}, {}}));
  EXPECT_FALSE(is_refused({&memory, DType::float64, {1}, {0}, {}}));
  EXPECT_FALSE(is_refused({&memory, DType::float64, {}, {}, {}}));
}

TEST(CheckArray, KnowsTheLargest) {
  double memory = 0;
  const int64_t most = int64_t{1} << 60;
  const auto view = [&](std::vector<int64_t> shape,
                        std::vector<int64_t> strides) {
    return MutableArrayView{
        &memory, DType::float64, std::move(shape), std::move(strides), {}};
  };
  EXPECT_FALSE(is_refused(view({most - 1}, {1})));
  EXPECT_TRUE(is_refused(view({most}, {1})));
  EXPECT_FALSE(is_refused(view({2, 2}, {most / 2, most / 2 - 1})));
  EXPECT_TRUE(is_refused(view({2, 2}, {most / 2, most / 2 + 1})));
  EXPECT_TRUE(is_refused(view({2}, {std::numeric_limits<int64_t>::min()})));
  EXPECT_FALSE(is_refused(view({most, 0}, {1, 1})));
}

}  // namespace
}  // namespace gramless
