// SPDX-License-Identifier: MIT
// From a kernel name and the shapes of its arguments to a map-reduce.
#pragma once

#include <string>
#include <vector>

#include "gramless/ir/map_reduce.h"
#include "gramless/name/kernel_tree.h"
#include "gramless/name/mode.h"

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

/// All that a map-reduce depends on, beside the kernel: no sizes M and N, no
/// dtype, no device.
struct Signature {
  Mode mode = Mode::sum;
  /// The numbers of columns of each x and y. Those of a pair are equal.
  std::vector<int64_t> x_columns;
  std::vector<int64_t> y_columns;
  std::vector<GammaForm> gammas;
  /// The number of columns of b.
  int64_t signal = 0;
  bool operator==(const Signature&) const = default;
};

/// Returns a short text that two signatures share only if they are equal.
std::string to_text(const Signature& signature);

/// Returns the name of an argument in the map-reduce: x0, y0, g0, …
std::string x_name(std::size_t pair);
std::string y_name(std::size_t pair);
std::string gamma_name(std::size_t slot);

/// Builds the map-reduce of a kernel product. Its arguments are x0, x1, …,
/// y0, …, the gammas that are not None (g0, …), and those of the mode; its
/// output is `a`.
///
/// Where the mode is a logarithm, `shift`, of a's shape, is one more argument,
/// and `a` is the sum times 4**-shift: the mode is shift*log(4) + log(a), which
/// does not depend on `shift`. All is written in the ordinary domain, as it is
/// differentiated; see transform/log_domain.
MapReduce build_kernel_product(const ParsedKernel& kernel,
                               const Signature& signature);

}  // namespace gramless
