// SPDX-License-Identifier: MIT
// Tests reading and writing through views.
#include "gramless/arrays.h"

#include <gtest/gtest.h>

namespace gramless {
namespace {

TEST(ArrayView, ReadsBothDTypes) {
  const float single[] = {1.5F, -2.0F};
  const double twice[] = {0.1, 0.2};
  EXPECT_EQ(ArrayView::contiguous(single, {2}).at(1), -2.0);
  EXPECT_EQ(ArrayView::contiguous(twice, {2}).at(1), 0.2);
  EXPECT_EQ(ArrayView::contiguous(single, {2}).dtype, DType::float32);
  EXPECT_EQ(dtype_size(DType::float32), 4);
  EXPECT_EQ(dtype_size(DType::float64), 8);
}

TEST(ArrayView, StoresRounded) {
  float single[2] = {};
  MutableArrayView::contiguous(single, {2}).store(1, 0.1);
  EXPECT_EQ(single[0], 0.0F);
  EXPECT_EQ(single[1], 0.1F);
}

TEST(ArrayView, HasRowMajorStrides) {
  EXPECT_EQ(row_major_strides({}), std::vector<int64_t>{});
  EXPECT_EQ(row_major_strides({4, 3}), (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(row_major_strides({4, 0}).size(), 2U);
  EXPECT_EQ(row_major_strides({int64_t{1} << 62, 4, 1}).back(), 1);
}

}  // namespace
}  // namespace gramless
