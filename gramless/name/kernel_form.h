// SPDX-License-Identifier: MIT
// The forms of a kernel's arguments: their widths, and what each gamma is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gramless/arrays.h"

namespace gramless {

/// How a gamma slot weights the components of a difference.
enum class Metric : uint8_t { none, scalar, diagonal, full, any };

/// The form of one gamma slot.
struct GammaForm {
  Metric metric = Metric::none;
  PairIndex pair = PairIndex::none;
  int64_t columns = 1;
  bool operator==(const GammaForm&) const = default;
};

/// All that the expression of a kernel depends on, beside its name.
struct KernelForm {
  /// The numbers of columns of each x and y. Those of a pair are equal.
  std::vector<int64_t> x_columns;
  std::vector<int64_t> y_columns;
  std::vector<GammaForm> gammas;
  bool operator==(const KernelForm&) const = default;
};

/// Returns the name of an argument in the map-reduce: x0, y0, g0, …
std::string x_name(std::size_t pair);
std::string y_name(std::size_t pair);
std::string gamma_name(std::size_t slot);

}  // namespace gramless
