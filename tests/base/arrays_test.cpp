// SPDX-License-Identifier: MIT
// Tests reading and writing through views.
#include "gramless/arrays.h"

#include <gtest/gtest.h>

#include <array>

#include "gramless/error.h"

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

TEST(ArrayView, ViewsSpansThatFitTheShape) {
  std::vector<double> values = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
  const std::array<float, 2> single = {1, 2};
  const ArrayView view = ArrayView::contiguous(values, {3, 2});
  EXPECT_EQ(view.data, values.data());
  EXPECT_EQ(view.dtype, DType::float64);
  EXPECT_EQ(view.shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(view.strides, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(ArrayView::contiguous(single, {2}).dtype, DType::float32);
  EXPECT_EQ(ArrayView::contiguous(std::span(values).first(1), {}).at(0), 0.1);
  EXPECT_EQ(ArrayView::contiguous(std::span<const float>(), {0, 3}).shape[1],
            3);
  MutableArrayView::contiguous(values, {6}).store(5, 7);
  EXPECT_EQ(values[5], 7);
}

TEST(ArrayView, NamesASpanThatDoesNotFit) {
  std::vector<double> values(6);
  const std::vector<std::vector<int64_t>> wrong = {
      {},     {5},    {7},      {2, 2},
      {4, 2}, {0, 6}, {-2, -3}, {(int64_t{1} << 62) + 1, 4, 6}};
  for (const std::vector<int64_t>& shape : wrong) {
    EXPECT_THROW(ArrayView::contiguous(values, shape), ArgumentError);
    EXPECT_THROW(MutableArrayView::contiguous(values, shape), ArgumentError);
  }
  try {
    MutableArrayView::contiguous(values, {2, 4});
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(),
                 "MutableArrayView::contiguous(): expected data with an "
                 "element for each position of the shape (2, 4), got 6.");
  }
}

TEST(ArrayView, HasRowMajorStrides) {
  EXPECT_EQ(row_major_strides({}), std::vector<int64_t>{});
  EXPECT_EQ(row_major_strides({4, 3}), (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(row_major_strides({4, 0}).size(), 2U);
  EXPECT_EQ(row_major_strides({int64_t{1} << 62, 4, 1}).back(), 1);
}

}  // namespace
}  // namespace gramless
