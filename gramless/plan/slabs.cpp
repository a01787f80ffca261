// SPDX-License-Identifier: MIT
// Joins the dimensions of a batch, and cuts it into slabs.
#include "gramless/plan/slabs.h"

#include <algorithm>
#include <utility>

namespace gramless {

Slabs::Slabs(std::span<const int64_t> batch, const Strides& arrays)
    : dimensions_{{1, std::vector<int64_t>(arrays.size(), 0)}} {
  for (std::size_t k = 0; k < batch.size(); ++k) {
    Dimension dimension{batch[k], {}};
    for (const std::vector<int64_t>& strides : arrays) {
      dimension.strides.push_back(strides[k]);
    }
    add(std::move(dimension));
  }
}

void Slabs::add(Dimension dimension) {
  if (dimension.extent == 1) return;
  Dimension& last = dimensions_.back();
  bool is_one = true;
  for (std::size_t k = 0; k < last.strides.size(); ++k) {
    is_one &= last.strides[k] == dimension.strides[k] * dimension.extent;
  }
  if (last.extent == 1) {
    last = std::move(dimension);
  } else if (is_one) {
    last = {last.extent * dimension.extent, std::move(dimension.strides)};
  } else {
    dimensions_.push_back(std::move(dimension));
  }
}

void Slabs::cut_longest(std::span<const std::size_t> ordered) {
  std::size_t longest = dimensions_.size() - 1;
  for (std::size_t k = 0; k < dimensions_.size(); ++k) {
    const bool keeps_all = std::ranges::all_of(
        ordered, [&](std::size_t array) { return keeps_order(k, array); });
    if (keeps_all && dimensions_[k].extent > dimensions_[longest].extent) {
      longest = k;
    }
  }
  const auto place = dimensions_.begin() + static_cast<std::ptrdiff_t>(longest);
  std::rotate(place, place + 1, dimensions_.end());
}

bool Slabs::keeps_order(std::size_t dimension, std::size_t array) const {
  const auto is_shared = [&](const Dimension& each) {
    return each.strides[array] == 0;
  };
  return !is_shared(dimensions_[dimension]) ||
         std::ranges::none_of(std::span(dimensions_).subspan(dimension + 1),
                              is_shared);
}

int64_t Slabs::count(int64_t most) const {
  int64_t slabs = (longest() + most - 1) / most;
  for (std::size_t k = 0; k + 1 < dimensions_.size(); ++k) {
    slabs *= dimensions_[k].extent;
  }
  return slabs;
}

void Slabs::for_each(int64_t most,
                     const std::function<void(const Slab&)>& visit) const {
  if (count(most) == 0) return;
  std::vector<int64_t> index(dimensions_.size(), 0);
  for (;;) {
    int64_t& first = index.back();
    const int64_t problems = std::min(most, longest() - first);
    visit(slab_at(index, problems));
    first += problems;
    std::size_t k = dimensions_.size() - 1;
    for (; index[k] == dimensions_[k].extent; --k) {
      if (k == 0) return;
      index[k] = 0;
      ++index[k - 1];
    }
  }
}

Slab Slabs::slab_at(std::span<const int64_t> index, int64_t problems) const {
  const std::size_t arrays = dimensions_.back().strides.size();
  Slab slab{problems, std::vector<int64_t>(arrays, 0),
            std::vector<bool>(arrays, true), std::vector<bool>(arrays, true)};
  for (std::size_t k = 0; k < dimensions_.size(); ++k) {
    const auto& [extent, strides] = dimensions_[k];
    const int64_t taken = k + 1 < dimensions_.size() ? 1 : problems;
    for (std::size_t array = 0; array < arrays; ++array) {
      slab.offsets[array] += index[k] * strides[array];
      if (strides[array] != 0) continue;
      if (index[k] > 0) slab.is_first[array] = false;
      if (index[k] + taken < extent) slab.is_last[array] = false;
    }
  }
  return slab;
}

}  // namespace gramless
