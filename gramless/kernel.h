// SPDX-License-Identifier: MIT
// Kernels, by their names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gramless/name/kernel_tree.h"

namespace gramless {

/// A kernel, by its name: `gaussian(x,y) * linear(u,v)**2`.
class Kernel {
 public:
  /// A name that is made of the given atoms. Throws ArgumentError, with column
  /// and caret, if it is wrong.
  explicit Kernel(std::string name,
                  const std::vector<OwnFormula>& atoms = catalogue_atoms());
  /// A kernel by formulas in X_0, …, Y_0, …, G_0, …; see OwnFormula.
  explicit Kernel(const OwnFormula& formula);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const ParsedKernel& parsed() const { return *parsed_; }

  /// Kernels are equal if they say the same, with any names of variables.
  bool operator==(const Kernel& other) const;
  /// A text that equal kernels share.
  [[nodiscard]] const std::string& structure() const { return structure_; }

 private:
  std::string name_;
  std::shared_ptr<const ParsedKernel> parsed_;
  std::string structure_;
};

}  // namespace gramless
