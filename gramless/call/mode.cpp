// SPDX-License-Identifier: MIT
// Holds the table of modes.
#include "gramless/call/mode.h"

#include <algorithm>
#include <array>

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless {
namespace {

constexpr ModeArgument kSignal{"b", PairIndex::j, true};
constexpr ModeArgument kLogRowScale{"A", PairIndex::i};
constexpr ModeArgument kLogColumnScale{"B", PairIndex::j};
constexpr ModeArgument kRowPotential{"S", PairIndex::i};
constexpr ModeArgument kColumnPotential{"T", PairIndex::j};

constexpr std::array kOfSums = {kSignal};
constexpr std::array kOfScaledSums = {kSignal, kLogRowScale, kLogColumnScale};
constexpr std::array kOfBarycenters = {kSignal, kLogRowScale, kLogColumnScale,
                                       ModeArgument{"C", PairIndex::i, true}};
constexpr std::array kOfPowers = {ModeArgument{"b", PairIndex::j},
                                  ModeArgument{"H", PairIndex::i}};
constexpr std::array kOfCosts = {kRowPotential, kColumnPotential};
constexpr std::array kOfPrimals = {kRowPotential, kColumnPotential,
                                   ModeArgument{"U", PairIndex::i},
                                   ModeArgument{"V", PairIndex::j}};

constexpr std::array kModes = {
    ModeRow{Mode::sum, "sum", "sum", kOfSums},
    ModeRow{Mode::lse, "lse", "log", kOfSums, true},
    ModeRow{Mode::log_scaled, "log_scaled", "log_scaled", kOfScaledSums},
    ModeRow{Mode::log_scaled_lse, "log_scaled_lse", "log_scaled_log",
            kOfScaledSums, true},
    ModeRow{Mode::log_scaled_barycenter, "log_scaled_barycenter",
            "log_barycenter", kOfBarycenters},
    ModeRow{Mode::lse_mult_i, "lse_mult_i", "log_mult_i", kOfPowers, true,
            true},
    ModeRow{Mode::sinkhorn_cost, "sinkhorn_cost", "log_cost", kOfCosts, false,
            true},
    ModeRow{Mode::sinkhorn_primal, "sinkhorn_primal", "log_primal", kOfPrimals},
};

}  // namespace

std::span<const ModeRow> mode_table() { return kModes; }

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
  const auto index = static_cast<std::size_t>(mode);
  if (index < kModes.size() && kModes.at(index).mode == mode) {
    return kModes.at(index);
  }
  throw ArgumentError(
      concat("kernel_product(): expected a mode, got an unknown "
             "one, ",
             index, "."));
}

bool has_signal_columns(const ModeRow& mode) {
  return std::any_of(
      mode.arguments.begin(), mode.arguments.end(),
      [](const ModeArgument& a) { return a.has_signal_columns; });
}

}  // namespace gramless
