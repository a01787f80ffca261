// SPDX-License-Identifier: MIT
// Kernels, by their names or by formulas.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gramless/export.h"
#include "gramless/formula.h"

namespace gramless {

struct ParsedKernel;

/// A kernel by formulas: of its value, of its logarithm, or of both. An atom
/// has a name, and the variables {X}, {Y} and {G}; a whole kernel has none,
/// and the variables X_0, X_1, …, Y_0, …, G_0, ….
struct OwnFormula {
  std::string name;
  std::string sum;
  std::string log;
  /// In place of formulas: the atom of the catalogue that `name` stands for.
  std::string atom;

  bool operator==(const OwnFormula&) const = default;
};

/// Returns the atoms of the catalogue, each under its own name.
GRAMLESS_API std::vector<OwnFormula> catalogue_atoms();

/// A kernel k(x_i, y_j). Cheap to copy.
class GRAMLESS_API Kernel {
 public:
  /// A kernel by its name, `gaussian(x,y) * linear(u,v)**2`, which is made of
  /// the given atoms; of those with one name, the last counts. Throws
  /// ArgumentError, with column and caret, if it is wrong.
  explicit Kernel(std::string name,
                  const std::vector<OwnFormula>& atoms = catalogue_atoms());
  /// A kernel by formulas. Throws likewise.
  explicit Kernel(const OwnFormula& formula);
  /// A kernel by a formula of its value.
  explicit Kernel(const Formula& formula);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const Digest& digest() const;
  /// What the library made of the name.
  [[nodiscard]] const ParsedKernel& parsed() const { return *parsed_; }

  /// Kernels are equal if they say the same, with any names of variables.
  bool operator==(const Kernel& other) const;

 private:
  std::string name_;
  std::shared_ptr<const ParsedKernel> parsed_;
};

}  // namespace gramless
