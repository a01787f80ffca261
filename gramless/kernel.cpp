// SPDX-License-Identifier: MIT
// Parses names once.
#include "gramless/kernel.h"

namespace gramless {

Kernel::Kernel(std::string name)
    : name_(std::move(name)),
      parsed_(std::make_shared<ParsedKernel>(parse_kernel(name_))),
      structure_(structure_text(*parsed_)) {}

bool Kernel::operator==(const Kernel& other) const {
  return structure_ == other.structure_;
}

}  // namespace gramless
