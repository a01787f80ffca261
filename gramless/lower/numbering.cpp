// SPDX-License-Identifier: MIT
// Implements the numbering of values.
#include "gramless/lower/numbering.h"

#include <algorithm>
#include <array>
#include <bit>

namespace gramless {
namespace {

/// Names axes by as few primes as possible, in the order in which they are met.
class FewestPrimes {
 public:
  void rename(Axis& axis) {
    const auto [entry, is_new] = names_.try_emplace(axis, axis);
    if (is_new) entry->second.primes = primes_[axis.name]++;
    axis = entry->second;
  }

  void rename(std::vector<Use>& uses) {
    for (Use& use : uses) {
      for (Axis& axis : use.axes) rename(axis);
    }
  }

  void rename(std::vector<Index>& indices) {
    for (Index& index : indices) {
      if (Axis* axis = std::get_if<Axis>(&index)) rename(*axis);
    }
  }

  /// Returns the new names, in order, with the old ones.
  [[nodiscard]] std::map<Axis, Axis> old_names() const {
    std::map<Axis, Axis> names;
    for (const auto& [old_name, new_name] : names_) {
      names.emplace(new_name, old_name);
    }
    return names;
  }

 private:
  std::map<Axis, Axis> names_;
  std::map<std::string, int> primes_;
};

}  // namespace

Rate Numbering::rate_of(const std::vector<Use>& operands) const {
  Rate rate = Rate::call;
  for (const Use& operand : operands) {
    const Rate other = at(operand).rate;
    const bool is_mixed = rate != Rate::call && other != Rate::call;
    rate = is_mixed && other != rate ? Rate::pair : std::max(rate, other);
  }
  return rate;
}

Use Numbering::add(Instruction instruction) {
  FewestPrimes names;
  names.rename(instruction.operands);
  names.rename(instruction.indices);
  const bool is_sum = instruction.kind == NodeKind::sum;
  if (is_sum || instruction.kind == NodeKind::at) {
    names.rename(instruction.axis);
  }
  Use use;
  instruction.axes.clear();
  for (const auto& [own, outer] : names.old_names()) {
    if (is_sum && own == instruction.axis) continue;
    instruction.axes.push_back(own);
    use.axes.push_back(outer);
  }
  Key key{instruction.kind,
          instruction.function,
          std::bit_cast<uint64_t>(instruction.value),
          instruction.argument,
          instruction.axis,
          instruction.indices,
          instruction.operands};
  const int next = static_cast<int>(program_.instructions.size());
  const auto [known, is_new] = numbers_.emplace(std::move(key), next);
  if (is_new) program_.instructions.push_back(std::move(instruction));
  use.value = known->second;
  return use;
}

Use Numbering::combine(NodeKind kind, const std::vector<Use>& operands) {
  if (operands.size() == 1) return operands[0];
  Instruction instruction;
  instruction.kind = kind;
  instruction.operands = operands;
  instruction.rate = rate_of(operands);
  return add(std::move(instruction));
}

std::vector<Use> Numbering::by_rate(NodeKind kind,
                                    const std::vector<Use>& operands) {
  std::array<std::vector<Use>, 4> groups;
  for (const Use& operand : operands) {
    groups[static_cast<std::size_t>(at(operand).rate)].push_back(operand);
  }
  for (std::vector<Use>& group : groups) combine_plain(kind, group);
  std::vector<Use> combined;
  for (std::size_t rate = 0; rate < groups.size(); ++rate) {
    std::vector<Use>& group = groups[rate];
    if (group.empty()) continue;
    // What is known per call joins the first group that follows.
    const bool joins =
        rate > 0 && combined.size() == 1 && at(combined[0]).rate == Rate::call;
    if (joins) group.insert(group.begin(), combined[0]);
    if (joins) combined.clear();
    const bool is_last =
        std::all_of(groups.begin() + static_cast<std::ptrdiff_t>(rate) + 1,
                    groups.end(), [](const auto& g) { return g.empty(); });
    if (is_last && combined.empty()) return group;
    if (is_last && static_cast<Rate>(rate) == Rate::pair) {
      combined.insert(combined.end(), group.begin(), group.end());
    } else {
      combined.push_back(combine(kind, group));
    }
  }
  return combined;
}

void Numbering::combine_plain(NodeKind kind, std::vector<Use>& group) {
  const auto middle =
      std::stable_partition(group.begin(), group.end(),
                            [](const Use& use) { return use.axes.empty(); });
  if (middle == group.begin() || middle == group.end()) return;
  const Use plain = combine(kind, {group.begin(), middle});
  group.erase(group.begin(), middle);
  group.insert(group.begin(), plain);
}

}  // namespace gramless
