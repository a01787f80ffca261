// SPDX-License-Identifier: MIT
// Bounded tables of what was made: the only state that outlives calls.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace gramless {

/// Keeps the values that were used last, by keys. Safe to use from many
/// threads.
template <class Value>
class BoundedTable {
 public:
  using Shared = std::shared_ptr<const Value>;

  /// `mutex` is held while a thread looks into the table.
  BoundedTable(std::size_t capacity, std::mutex& mutex)
      : capacity_(capacity), mutex_(mutex) {}

  /// Returns the value of a key, or null.
  Shared find(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    const auto place = places_.find(key);
    if (place == places_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, place->second);
    return place->second->second;
  }

  /// Returns the value of a key, made by `make` if it is not there. Two threads
  /// may make the same one; one of them is kept.
  Shared get(const std::string& key, const std::function<Shared()>& make) {
    if (Shared found = find(key)) return found;
    const Shared made = make();
    const std::scoped_lock lock(mutex_);
    entries_.emplace_front(key, made);
    const auto [place, is_new] = places_.emplace(key, entries_.begin());
    if (!is_new) {
      entries_.erase(place->second);
      place->second = entries_.begin();
    }
    if (entries_.size() > capacity_) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
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
  std::unordered_map<std::string, typename Entries::iterator> places_;
};

}  // namespace gramless
