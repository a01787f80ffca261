// SPDX-License-Identifier: MIT
// A kernel name, such as `gaussian(x,y) * linear(u,v)**2`, as a checked tree.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gramless/name/catalogue.h"

namespace gramless {

enum class KernelNode : uint8_t {
  number,
  atom,
  negate,
  add,
  subtract,
  multiply,
  divide,
  power,
};

/// The name as it was written, before any transformation.
struct KernelTree {
  KernelNode kind = KernelNode::number;
  double number = 0;  // The value of a number, the exponent of a power.
  std::size_t gamma_slot = 0;  // Of an atom.
  std::vector<KernelTree> operands;
  /// Whether the value is known never to be negative.
  bool is_nonnegative = false;
};

/// One use of an atom in a name: it has a gamma slot of its own.
struct AtomUse {
  const AtomRow* row = nullptr;
  std::size_t pair = 0;
};

struct ParsedKernel {
  KernelTree tree;
  /// One for each gamma slot, in reading order.
  std::vector<AtomUse> atoms;
  /// The distinct pairs of variables, in reading order.
  std::vector<std::pair<std::string, std::string>> pairs;
};

inline constexpr double kLargestExponent = 1024;

/// Reads a kernel name. Throws ArgumentError, with column and caret, for a
/// syntax error, an unknown atom, overlapping pairs, or an exponent that is
/// out of range or not an integer where the base may be negative.
ParsedKernel parse_kernel(const std::string& name);

/// Returns a text that two kernels share if and only if they are the same:
/// names of variables and white space do not matter.
std::string structure_text(const ParsedKernel& kernel);

}  // namespace gramless
