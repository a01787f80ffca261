// SPDX-License-Identifier: MIT
// Where exponentials are evaluated: as factors of their own, or as exponents.
//
// Derivatives are taken in the ordinary domain, before this transform. Each
// output is rewritten by itself, so that a factor that is exactly 0 adds 0 to a
// value, and to a derivative what the formula has.
#pragma once

#include <string>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// What the transform knows of a map-reduce.
struct LogDomain {
  /// Whether terms are kept as factor*exp(exponent), which neither over- nor
  /// underflows. Otherwise exponentials merge, and nothing else changes.
  bool is_used = false;
  /// Whether a factor may be 0 next to an exponential that overflows.
  bool has_zeros = true;
};

/// Returns a map-reduce with exponentials merged, exp(a)*exp(b) to exp(a + b)
/// and exp(a)**n to exp(n*a). In the log domain the terms of each output are
/// evaluated one by one, each with one exponent; sums below products and powers
/// are taken on the scale of their largest term, and powers keep binary
/// exponents apart. An output whose reduction has a scale gets its bound, and
/// its terms are taken on the scale.
MapReduce apply_log_domain(const MapReduce& map_reduce,
                           const LogDomain& domain);

/// Whether all terms of a sum are exponentials with constant factors, so that
/// the largest exponent bounds them all.
bool has_constant_factors(const MapReduce& map_reduce);

}  // namespace gramless
