// SPDX-License-Identifier: MIT
// Tests which problems are taken at once, by plain loops over all of them.
#include "gramless/plan/slabs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace gramless {
namespace {

using ::testing::ElementsAre;

using Offsets = std::vector<std::vector<int64_t>>;

/// Returns where each problem has the arrays, by slabs.
Offsets offsets_of(const Slabs& slabs, int64_t most) {
  Offsets offsets;
  slabs.for_each(most, [&](const Slab& slab) {
    EXPECT_GE(slab.problems, 1);
    EXPECT_LE(slab.problems, most);
    for (int64_t problem = 0; problem < slab.problems; ++problem) {
      std::vector<int64_t> own = slab.offsets;
      for (std::size_t k = 0; k < own.size(); ++k) {
        own[k] += problem * slabs.stride(k);
      }
      offsets.push_back(own);
    }
  });
  return offsets;
}

/// Returns the same, from the strides of three dimensions.
Offsets offsets_of(const std::vector<int64_t>& batch,
                   const Slabs::Strides& arrays) {
  Offsets offsets;
  for (int64_t i = 0; i < batch[0]; ++i) {
    for (int64_t j = 0; j < batch[1]; ++j) {
      for (int64_t k = 0; k < batch[2]; ++k) {
        std::vector<int64_t>& own = offsets.emplace_back();
        for (const std::vector<int64_t>& strides : arrays) {
          own.push_back(i * strides[0] + j * strides[1] + k * strides[2]);
        }
      }
    }
  }
  return offsets;
}

const std::vector<std::vector<int64_t>> kBatches = {
    {2, 3, 5}, {2, 3, 1}, {1, 3, 5}, {2, 1, 5}, {1, 1, 1}, {7, 1, 1}};

/// Strides of an array that has some dimensions of a batch, in row-major order,
/// and shares the others.
std::vector<int64_t> strides_of(const std::vector<int64_t>& batch, unsigned has,
                                int64_t size) {
  std::vector<int64_t> strides(batch.size(), 0);
  for (std::size_t k = batch.size(); k-- > 0;) {
    if ((has >> k & 1U) == 0 || batch[k] == 1) continue;
    strides[k] = size;
    size *= batch[k];
  }
  return strides;
}

TEST(Slabs, AreAllProblemsInTheirOrder) {
  for (const std::vector<int64_t>& batch : kBatches) {
    for (unsigned has = 0; has < 8; ++has) {
      const Slabs::Strides arrays = {strides_of(batch, has, 1),
                                     strides_of(batch, 7, 10),
                                     strides_of(batch, 7 - has, 3),
                                     {100, -7, 1}};
      for (const std::size_t count : {1, 2, 3, 4}) {
        const Slabs::Strides some(arrays.begin(), arrays.begin() + count);
        for (const int64_t most : {1, 2, 3, 65535}) {
          EXPECT_EQ(offsets_of(Slabs(batch, some), most),
                    offsets_of(batch, some));
        }
      }
    }
  }
}

TEST(Slabs, JoinWhatHasOneStrideInAllArrays) {
  const std::vector<int64_t> batch = {2, 3, 5};
  const Slabs one(batch, {{15, 5, 1}, {0, 0, 0}, {-30, -10, -2}});
  EXPECT_EQ(one.longest(), 30);
  EXPECT_EQ(one.count(65535), 1);
  EXPECT_EQ(one.count(29), 2);
  EXPECT_EQ(one.stride(2), -2);
  const Slabs two(batch, {{15, 5, 1}, {0, 5, 1}});
  EXPECT_EQ(two.longest(), 15);
  EXPECT_EQ(two.count(10), 4);
  const Slabs three(batch, {{15, 5, 1}, {5, 0, 1}});
  EXPECT_EQ(three.longest(), 5);
  EXPECT_EQ(three.count(5), 6);
}

TEST(Slabs, OfNoProblemsAreNone) {
  for (const std::vector<int64_t>& batch :
       {std::vector<int64_t>{0}, {3, 0}, {0, 3}, {0, 0}}) {
    const Slabs slabs(batch, {std::vector<int64_t>(batch.size(), 0)});
    EXPECT_EQ(slabs.count(3), 0);
    EXPECT_TRUE(offsets_of(slabs, 3).empty());
  }
}

TEST(Slabs, OfOneProblemAreOne) {
  const Slabs slabs({}, {{}, {}});
  EXPECT_EQ(offsets_of(slabs, 1), (Offsets{{0, 0}}));
}

TEST(Slabs, CutTheLongestDimension) {
  const std::vector<int64_t> batch = {100, 2, 3};
  const Slabs::Strides arrays = {{1, 0, 0}, {0, 3, 1}, {0, 0, 0}};
  const Offsets all = offsets_of(batch, arrays);
  const Slabs last(batch, arrays);
  EXPECT_EQ(last.longest(), 6);
  for (const std::vector<std::size_t>& ordered :
       {std::vector<std::size_t>{}, {0}, {1}, {0, 1}}) {
    Slabs slabs = last;
    slabs.cut_longest(ordered);
    EXPECT_EQ(slabs.longest(), 100);
    EXPECT_EQ(slabs.count(100), 6);
    const Offsets cut = offsets_of(slabs, 33);
    EXPECT_EQ(cut.size(), all.size());
    EXPECT_EQ(std::set(cut.begin(), cut.end()),
              std::set(all.begin(), all.end()));
  }
  // All problems share the last array, and would be added in another order.
  Slabs slabs = last;
  slabs.cut_longest(std::vector<std::size_t>{0, 2});
  EXPECT_EQ(offsets_of(slabs, 33), all);
}

/// Returns the problems that share each part of the first array, in order. The
/// second array numbers them.
std::map<int64_t, std::vector<int64_t>> sharers(const Offsets& offsets) {
  std::map<int64_t, std::vector<int64_t>> problems;
  for (const std::vector<int64_t>& own : offsets) {
    problems[own[0]].push_back(own[1]);
  }
  return problems;
}

TEST(Slabs, KeepTheOrderOfThoseThatShareAPart) {
  for (const std::vector<int64_t>& batch :
       {std::vector<int64_t>{7, 3, 5}, {3, 7, 5}, {2, 3, 2}}) {
    for (unsigned has = 0; has < 8; ++has) {
      for (unsigned other = 0; other < 8; ++other) {
        const Slabs::Strides arrays = {strides_of(batch, has, 1),
                                       strides_of(batch, 7, 1),
                                       strides_of(batch, other, 1)};
        Slabs slabs(batch, arrays);
        slabs.cut_longest(std::vector<std::size_t>{0});
        EXPECT_EQ(sharers(offsets_of(slabs, 4)),
                  sharers(offsets_of(batch, arrays)));
      }
    }
  }
}

/// In the order of the slabs, each part of an array is first once and last
/// once, in front of and behind all others that have it.
TEST(Slabs, TellWhereAPartBeginsAndEnds) {
  for (const std::vector<int64_t>& batch : kBatches) {
    for (unsigned has = 0; has < 8; ++has) {
      Slabs slabs(batch, {strides_of(batch, has, 1), strides_of(batch, 7, 1)});
      if (has % 2 == 0) slabs.cut_longest({});
      for (const int64_t most : {1, 2, 4, 65535}) {
        std::set<int64_t> begun, ended;
        slabs.for_each(most, [&](const Slab& slab) {
          const int64_t parts = slabs.stride(0) == 0 ? 1 : slab.problems;
          for (int64_t k = 0; k < parts; ++k) {
            const int64_t part = slab.offsets[0] + k * slabs.stride(0);
            EXPECT_FALSE(ended.contains(part));
            EXPECT_EQ(slab.is_first[0], !begun.contains(part));
            begun.insert(part);
            if (slab.is_last[0]) ended.insert(part);
          }
        });
        EXPECT_EQ(begun, ended);
      }
    }
  }
}

TEST(Slabs, SayThatTheLastOneEndsWhatAllShare) {
  std::vector<bool> is_first, is_last;
  const std::vector<int64_t> batch = {5};
  Slabs(batch, {{0}}).for_each(2, [&](const Slab& slab) {
    is_first.push_back(slab.is_first[0]);
    is_last.push_back(slab.is_last[0]);
  });
  EXPECT_THAT(is_first, ElementsAre(true, false, false));
  EXPECT_THAT(is_last, ElementsAre(false, false, true));
}

}  // namespace
}  // namespace gramless
