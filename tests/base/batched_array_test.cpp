// SPDX-License-Identifier: MIT
// Tests arrays of a batch.
#include "gramless/base/batched_array.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace gramless {
namespace {

using ::testing::ElementsAre;

constexpr std::array<int64_t, 2> kBatch = {4, 3};

/// Returns a batched view of numbers, with rows in front of its columns.
BatchedArray<ArrayView> batched(const std::vector<double>& numbers,
                                std::vector<int64_t> shape,
                                Lines lines = Lines::rows) {
  return {ArrayView::contiguous(numbers.data(), std::move(shape)), kBatch,
          lines};
}

TEST(BatchedArray, HasAPartForEachProblem) {
  const std::vector<double> numbers(4 * 3 * 5 * 2);
  const auto array = batched(numbers, {4, 3, 5, 2});
  EXPECT_FALSE(array.is_shared());
  EXPECT_EQ(array.parts(), 12);
  EXPECT_THAT(array.strides(), ElementsAre(30, 10));
  EXPECT_THAT(array.part_strides(), ElementsAre(3, 1));
  EXPECT_THAT(array.first().shape, ElementsAre(5, 2));
  EXPECT_EQ(array.row_stride(), 2);
  EXPECT_EQ(array.column_stride(), 1);
  for (int64_t problem = 0; problem < 12; ++problem) {
    EXPECT_EQ(array.part_of(problem), problem);
    EXPECT_EQ(array.data_of(problem), &numbers[10 * problem]);
    EXPECT_EQ(array.part(problem), &numbers[10 * problem]);
  }
}

TEST(BatchedArray, IsSharedAlongDimensionsThatItLacks) {
  const std::vector<double> numbers(4 * 5 * 2);
  const auto first = batched(numbers, {4, 1, 5, 2});
  EXPECT_TRUE(first.is_shared());
  EXPECT_EQ(first.parts(), 4);
  EXPECT_THAT(first.strides(), ElementsAre(10, 0));
  EXPECT_THAT(first.part_strides(), ElementsAre(1, 0));
  EXPECT_EQ(first.part_of(3 * 2 + 1), 2);
  EXPECT_EQ(first.data_of(3 * 2 + 1), &numbers[20]);
  const auto second = batched(numbers, {3, 5, 2});
  EXPECT_THAT(second.part_strides(), ElementsAre(0, 1));
  EXPECT_EQ(second.part_of(3 * 2 + 1), 1);
  const auto none = batched(numbers, {5, 2});
  EXPECT_EQ(none.parts(), 1);
  EXPECT_THAT(none.strides(), ElementsAre(0, 0));
  EXPECT_EQ(none.data_of(11), numbers.data());
}

TEST(BatchedArray, HasNoRowsWhereNoneAreSaid) {
  const std::vector<double> numbers(12 * 2);
  const auto array = batched(numbers, {4, 3, 1, 2}, Lines::none);
  EXPECT_THAT(array.first().shape, ElementsAre(2));
  EXPECT_EQ(array.row_stride(), 0);
  EXPECT_EQ(array.column_stride(), 1);
  const auto columns = batched(numbers, {2}, Lines::none);
  EXPECT_THAT(columns.first().shape, ElementsAre(2));
  EXPECT_EQ(columns.row_stride(), 0);
}

TEST(BatchedArray, OfOneProblemIsNotShared) {
  std::vector<double> numbers(10);
  const ArrayView x = ArrayView::contiguous(numbers.data(), {5, 2});
  const auto result = MutableArrayView::contiguous(numbers.data(), {5, 1});
  const Batch batch = batch_of_one({&x, 1}, {&result, 1});
  EXPECT_EQ(batch.problems, 1);
  EXPECT_FALSE(batch.results[0].is_shared());
  EXPECT_EQ(batch.arguments[0].data_of(0), numbers.data());
  EXPECT_EQ(batch.arguments[0].row_stride(), 2);
}

}  // namespace
}  // namespace gramless
