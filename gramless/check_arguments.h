// SPDX-License-Identifier: MIT
// The arguments of a kernel product, and their checks: all that can be wrong
// is found here, before anything runs.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gramless/base/array_view.h"
#include "gramless/name/build.h"

namespace gramless {

/// One gamma slot.
struct Gamma {
  /// Nothing for an atom that takes no parameter.
  std::optional<ArrayView> array;
  /// The pair axis that the rows of a 2-d array stand for: j where nothing
  /// else is said.
  PairIndex rows = PairIndex::j;
};

/// The arrays of a kernel product. In the shapes below, D is the number of
/// columns of a pair and K is 1, D or D*D.
struct Arguments {
  std::vector<ArrayView> x;  // (M, D), one for each pair of variables.
  std::vector<ArrayView> y;  // (N, D), likewise.
  std::vector<Gamma> gamma;  // (), (K,), (N, K) or (M, K), one for each atom.
  /// What the mode takes behind y: see mode_table(). Those with E columns are
  /// (N, E) or (M, E), all others (N, 1) or (M, 1).
  std::vector<ArrayView> b;
  Mode mode = Mode::sum;
};

/// Checks counts, and each array: memory, dtype, device, shape and strides.
/// Throws ArgumentError, DTypeError or DeviceError with what was expected and
/// what came.
Signature check_arguments(const ParsedKernel& kernel,
                          const Arguments& arguments);

/// Checks the array that a kernel product of checked arguments is written to:
/// (M, E), or (M, 1) where the mode has no E, on the arguments' device and of
/// their dtype. Throws likewise.
void check_result(const Arguments& arguments, const MutableArrayView& result);

/// Returns the arrays in the order in which the map-reduce takes them.
std::vector<ArrayView> flatten(const Arguments& arguments);

}  // namespace gramless
