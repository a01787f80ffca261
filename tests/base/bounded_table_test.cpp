// SPDX-License-Identifier: MIT
// Tests the table that keeps what was used last.
#include "gramless/base/bounded_table.h"

#include <gtest/gtest.h>

namespace gramless {
namespace {

TEST(BoundedTable, KeepsWhatWasUsedLast) {
  std::mutex mutex;
  BoundedTable<int> table(2, mutex);
  int made = 0;
  const auto get = [&](const std::string& key) {
    return *table.get(key, [&] { return std::make_shared<const int>(++made); });
  };
  EXPECT_EQ(get("a"), 1);
  EXPECT_EQ(get("b"), 2);
  EXPECT_EQ(get("a"), 1);
  EXPECT_EQ(get("c"), 3);  // In the place of b.
  EXPECT_EQ(get("a"), 1);
  EXPECT_EQ(get("b"), 4);
  EXPECT_EQ(table.size(), 2U);
}

TEST(BoundedTable, LeavesWhatIsInUse) {
  std::mutex mutex;
  BoundedTable<int> table(1, mutex);
  const auto first =
      table.get("a", [] { return std::make_shared<const int>(1); });
  table.get("b", [] { return std::make_shared<const int>(2); });
  EXPECT_EQ(*first, 1);
}

TEST(BoundedTable, DestroysValuesWithoutTheLock) {
  struct Value {
    std::mutex& mutex;
    int& destroyed;
    Value(std::mutex& its_mutex, int& count)
        : mutex(its_mutex), destroyed(count) {}
    Value(const Value&) = delete;
    ~Value() {
      EXPECT_TRUE(mutex.try_lock());
      mutex.unlock();
      ++destroyed;
    }
  };
  std::mutex mutex;
  int destroyed = 0;
  BoundedTable<Value> table(1, mutex);
  const auto make = [&] {
    return std::make_shared<const Value>(mutex, destroyed);
  };
  table.get("a", make);
  table.get("b", make);  // In the place of a.
  EXPECT_EQ(destroyed, 1);
  table.get("c", [&] {
    table.get("c", make);  // As another thread may do.
    return make();
  });
  EXPECT_EQ(destroyed, 3);
  EXPECT_EQ(table.size(), 1U);
}

}  // namespace
}  // namespace gramless
