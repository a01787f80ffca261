// SPDX-License-Identifier: MIT
// Parses names once.
#include "gramless/kernel.h"

#include "gramless/formula/parsed_kernel.h"

namespace gramless {

Kernel::Kernel(std::string name, const std::vector<OwnFormula>& atoms)
    : name_(std::move(name)),
      parsed_(std::make_shared<ParsedKernel>(parse_kernel(name_, atoms))),
      structure_(structure_text(*parsed_)) {}

Kernel::Kernel(const OwnFormula& formula)
    : name_(formula.sum.empty() ? formula.log : formula.sum),
      parsed_(std::make_shared<ParsedKernel>(parse_kernel(formula))),
      structure_(structure_text(*parsed_)) {}

bool Kernel::operator==(const Kernel& other) const {
  return structure_ == other.structure_;
}

}  // namespace gramless
