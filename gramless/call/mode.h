// SPDX-License-Identifier: MIT
// The table of modes: their arguments after y, and what they reduce.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gramless/call.h"

namespace gramless {

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

/// Returns whether a mode has arguments of E columns: its result then has as
/// many.
bool has_signal_columns(const ModeRow& mode);

/// Returns the row of a mode.
const ModeRow& row_of(Mode mode);

}  // namespace gramless
