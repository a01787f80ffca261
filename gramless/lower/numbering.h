// SPDX-License-Identifier: MIT
// Numbers the values of a program: equal ones once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "gramless/lower/program.h"

namespace gramless {

/// Adds instructions to a program. Two that differ in the primes of their axes
/// alone are one: of `x0[i,d]` and `x0[i,d']` the first is added, with as few
/// primes as possible, and both are uses of it.
class Numbering {
 public:
  explicit Numbering(Program& program) : program_(program) {}

  /// Returns the use of an instruction's value where it was written; `axes` of
  /// `instruction` are found here.
  Use add(Instruction instruction);

  /// Returns the value of a sum or product. Of one operand, that is itself.
  Use combine(NodeKind kind, const std::vector<Use>& operands);

  /// Returns operands that have the same sum or product: those of a slower
  /// rate are combined among themselves first, and among those of one rate
  /// the ones without feature axes.
  std::vector<Use> by_rate(NodeKind kind, const std::vector<Use>& operands);

  [[nodiscard]] const Instruction& at(const Use& use) const {
    return program_.instructions[static_cast<std::size_t>(use.value)];
  }

  /// Returns the rate of what is computed from some values.
  [[nodiscard]] Rate rate_of(const std::vector<Use>& operands) const;

 private:
  using Key = std::tuple<NodeKind, Function, uint64_t, std::size_t, Axis,
                         std::vector<Index>, std::vector<Use>>;

  void combine_plain(NodeKind kind, std::vector<Use>& group);

  Program& program_;
  std::map<Key, int> numbers_;
};

}  // namespace gramless
