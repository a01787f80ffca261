// SPDX-License-Identifier: MIT
// Holds the table of modes.
#include "gramless/name/mode.h"

#include "gramless/base/error.h"
#include "gramless/base/text.h"

namespace gramless {
namespace {

std::vector<ModeRow> make_table() {
  const PairIndex i = PairIndex::i;
  const PairIndex j = PairIndex::j;
  const ModeArgument signal{"b", j, true};
  const ModeArgument log_row_scale{"A", i};
  const ModeArgument log_column_scale{"B", j};
  const ModeArgument row_potential{"S", i};
  const ModeArgument column_potential{"T", j};
  return {
      {Mode::sum, "sum", "sum", {signal}},
      {Mode::lse, "lse", "log", {signal}, true},
      {Mode::log_scaled,
       "log_scaled",
       "log_scaled",
       {signal, log_row_scale, log_column_scale}},
      {Mode::log_scaled_lse,
       "log_scaled_lse",
       "log_scaled_log",
       {signal, log_row_scale, log_column_scale},
       true},
      {Mode::log_scaled_barycenter,
       "log_scaled_barycenter",
       "log_barycenter",
       {signal, log_row_scale, log_column_scale, {"C", i, true}}},
      {Mode::lse_mult_i,
       "lse_mult_i",
       "log_mult_i",
       {{"b", j}, {"H", i}},
       true,
       true},
      {Mode::sinkhorn_cost,
       "sinkhorn_cost",
       "log_cost",
       {row_potential, column_potential},
       false,
       true},
      {Mode::sinkhorn_primal,
       "sinkhorn_primal",
       "log_primal",
       {row_potential, column_potential, {"U", i}, {"V", j}}},
  };
}

}  // namespace

std::span<const ModeRow> mode_table() {
  static const std::vector<ModeRow> table = make_table();
  return table;
}

Mode parse_mode(std::string_view name) {
  std::vector<std::string> known;
  for (const ModeRow& row : mode_table()) {
    if (name == row.name || name == row.older_name) return row.mode;
    known.emplace_back(row.name);
  }
  throw ArgumentError(concat("kernel_product(): expected one of the modes '",
                             join(known, "', '"), "', got '", name, "'.",
                             did_you_mean(name, known)));
}

const ModeRow& row_of(Mode mode) {
  const ModeRow& row = mode_table()[static_cast<std::size_t>(mode)];
  if (row.mode != mode) {
    throw InternalError("row_of(): the table of modes is out of order.");
  }
  return row;
}

}  // namespace gramless
