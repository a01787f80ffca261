// SPDX-License-Identifier: MIT
// Bounded least-recently-used tables: the only state that outlives a call.
#pragma once

#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace gramless {

/// Keeps the most recently used values by key. Thread-safe.
template <class Value>
class BoundedTable {
 public:
  using Shared = std::shared_ptr<const Value>;

  /// `mutex` guards every access to the table.
  BoundedTable(std::size_t capacity, std::mutex& mutex)
      : capacity_(capacity), mutex_(mutex) {}

  /// Returns the value of a key, or null.
  Shared find(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  /// Returns the value of a key and calls `make` if there is none. Two threads
  /// may make the same value at once; the table keeps one of them. Values that
  /// leave the table are destroyed without the lock.
  Shared get(const std::string& key, const std::function<Shared()>& make) {
    if (Shared found = find(key)) return found;
    const Shared made = make();
    Entries dropped;  // Destroyed when the lock is free again.
    const std::scoped_lock lock(mutex_);
    entries_.emplace_front(key, made);
    const auto [found, is_new] = by_key_.emplace(key, entries_.begin());
    if (!is_new) {
      dropped.splice(dropped.begin(), entries_, found->second);
      found->second = entries_.begin();
    }
    if (entries_.size() > capacity_) {
      by_key_.erase(entries_.back().first);
      dropped.splice(dropped.begin(), entries_, std::prev(entries_.end()));
    }
    return made;
  }

  [[nodiscard]] std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return entries_.size();
  }

 private:
  using Entries = std::list<std::pair<std::string, Shared>>;

  const std::size_t capacity_;
  std::mutex& mutex_;
  Entries entries_;  // The one used last first.
  std::unordered_map<std::string, typename Entries::iterator> by_key_;
};

}  // namespace gramless
