// SPDX-License-Identifier: MIT
// Tests which strides are refused, by addresses written out.
#include "gramless/base/check_array.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <vector>

#include "gramless/error.h"

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

/// Returns the bytes that a view's elements have, counted from `memory`.
std::set<int64_t> bytes_of(const ArrayView& view, const double* memory) {
  std::set<int64_t> bytes;
  const int64_t start = 8 * (static_cast<const double*>(view.data) - memory);
  for (int64_t k = 0; k < view.shape[0] * view.shape[1]; ++k) {
    const int64_t offset = k / view.shape[1] * view.strides[0] +
                           k % view.shape[1] * view.strides[1];
    for (int64_t byte = 0; byte < 8; ++byte) {
      bytes.insert(start + 8 * offset + byte);
    }
  }
  return bytes;
}

TEST(MayOverlap, FindsAllElementsThatAreShared) {
  std::vector<double> memory(100);
  const auto view = [&](int64_t start, int64_t columns, int64_t s, int64_t t) {
    return ArrayView{&memory[static_cast<std::size_t>(start)],
                     DType::float64,
                     {3, columns},
                     {s, t},
                     {}};
  };
  int refused = 0;
  int taken = 0;
  for (int64_t start = 30; start < 70; ++start) {
    for (const int64_t columns : {0, 1, 2, 3}) {
      for (const int64_t s : {-7, -3, 1, 3, 5, 7}) {
        for (const int64_t t : {-1, 1, 2}) {
          const ArrayView a = view(50, 2, 7, 1);
          const ArrayView b = view(start, columns, s, t);
          std::set<int64_t> all = bytes_of(a, memory.data());
          const std::set<int64_t> others = bytes_of(b, memory.data());
          const std::size_t count = all.size() + others.size();
          all.insert(others.begin(), others.end());
          const bool overlaps = may_overlap(a, b);
          EXPECT_EQ(overlaps, may_overlap(b, a));
          const bool is_shared = all.size() < count;
          EXPECT_TRUE(overlaps || !is_shared) << start << " " << s;
          const bool is_of_one_matrix = std::abs(s) == 7 && std::abs(t) == 1;
          EXPECT_TRUE(overlaps == is_shared || !is_of_one_matrix);
          (overlaps ? refused : taken) += 1;
        }
      }
    }
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(taken, 500);
}

}  // namespace
}  // namespace gramless
