// SPDX-License-Identifier: MIT
// Reads names and formulas once.
#include "gramless/kernel.h"

#include "gramless/formula/parsed_kernel.h"

namespace gramless {
namespace {

std::shared_ptr<const ParsedKernel> shared(ParsedKernel kernel) {
  return std::make_shared<const ParsedKernel>(std::move(kernel));
}

}  // namespace

Kernel::Kernel(std::string name, const std::vector<OwnFormula>& atoms)
    : name_(std::move(name)), parsed_(shared(parse_kernel(name_, atoms))) {}

Kernel::Kernel(const OwnFormula& formula)
    : name_(formula.sum.empty() ? formula.log : formula.sum),
      parsed_(shared(parse_kernel(formula))) {}

Kernel::Kernel(const Formula& formula)
    : name_(formula.text()), parsed_(shared(parse_kernel(formula))) {}

const Digest& Kernel::digest() const { return parsed_->digest(); }

bool Kernel::operator==(const Kernel& other) const {
  return digest() == other.digest();
}

}  // namespace gramless
