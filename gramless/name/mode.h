// SPDX-License-Identifier: MIT
// The table of modes: what a kernel product takes behind y, and what it sums.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// What is reduced, and how. With c = log k:
enum class Mode : uint8_t {
  sum,                    // Σ_j k b_j
  lse,                    // log Σ_j exp(c + b_j)
  log_scaled,             // Σ_j exp(c + A_i + B_j) b_j
  log_scaled_lse,         // log Σ_j exp(c + A_i + B_j + b_j)
  log_scaled_barycenter,  // Σ_j exp(c + A_i + B_j) (b_j - C_i)
  lse_mult_i,             // log Σ_j exp(H_i c + b_j)
  sinkhorn_cost,          // Σ_j -c exp(c + S_i + T_j)
  sinkhorn_primal,        // Σ_j (U_i + V_j - 1) exp(c + S_i + T_j)
};

/// An argument of a mode. It has E columns or one.
struct ModeArgument {
  std::string_view name;
  PairIndex pair = PairIndex::j;
  bool has_signal_columns = false;
};

struct ModeRow {
  Mode mode;
  std::string_view name;
  /// An older spelling; the same where there is none.
  std::string_view older_name;
  std::span<const ModeArgument> arguments;
  /// Whether the result is the logarithm of the sum.
  bool is_logarithm = false;
  /// Whether c itself is used, which a kernel that can be negative lacks.
  bool needs_logarithm = false;
};

/// Returns the rows, in the order of the enumeration.
std::span<const ModeRow> mode_table();

/// Returns the mode of a name, or of its older spelling. Throws ArgumentError
/// for an unknown name.
Mode parse_mode(std::string_view name);

/// Returns the row of a mode.
const ModeRow& row_of(Mode mode);

}  // namespace gramless
