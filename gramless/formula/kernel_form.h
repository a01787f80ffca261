// SPDX-License-Identifier: MIT
// The forms of a kernel's arguments: their widths, and how gammas vary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gramless/arrays.h"

namespace gramless {

/// The form of one gamma slot.
struct GammaForm {
  /// Nothing for None.
  std::optional<int64_t> columns = {};
  PairIndex pair = PairIndex::none;
  bool operator==(const GammaForm&) const = default;
};

/// All that the expression of a kernel depends on, beside its name.
struct KernelForm {
  /// The numbers of columns of each x and y. Those of a pair are equal.
  std::vector<int64_t> x_widths;
  std::vector<int64_t> y_widths;
  std::vector<GammaForm> gammas;
  bool operator==(const KernelForm&) const = default;
};

/// Returns the name of an argument in the map-reduce: x0, y0, g0, …
std::string x_name(std::size_t pair);
std::string y_name(std::size_t pair);
std::string gamma_name(std::size_t slot);

}  // namespace gramless
