// SPDX-License-Identifier: MIT
// Holds the table of the names that kernels have in other libraries.
#include "gramless/formula/other_names.h"

#include <algorithm>
#include <array>

#include "gramless/base/text.h"

namespace gramless {
namespace {

/// One meaning of one name. `docs/conventions.md` says how the parameters of
/// both libraries are related.
struct OtherName {
  /// In lower case, without `_` and without `kernel` at its end.
  std::string_view name;
  /// The atom that it needs, or nothing.
  std::string_view atom;
  /// What to write, where that is not the atom alone.
  std::string_view text = {};
};

constexpr std::array kOtherNames = {
    OtherName{"rbf", "gaussian"},
    OtherName{"squaredexponential", "gaussian"},
    OtherName{"exponential", "laplacian"},
    OtherName{"absoluteexponential", "laplacian"},
    OtherName{"matern12", "laplacian"},
    OtherName{"matern", "laplacian"},
    OtherName{"matern", "matern32"},
    OtherName{"matern", "matern52"},
    OtherName{"rq", "rational_quadratic"},
    OtherName{"expsinesquared", "periodic"},
    OtherName{"dot", "linear"},
    OtherName{"dotproduct", "linear"},
    OtherName{"polynomial", "linear", "(1 + linear(x,y))**3"},
    OtherName{"poly", "linear", "(1 + linear(x,y))**3"},
    OtherName{"constant", "gaussian", "2 * gaussian(x,y)"},
    OtherName{"scale", "gaussian", "2 * gaussian(x,y)"},
    OtherName{"restrictedgaussian", "gaussian_oriented"},
    OtherName{"restrictedgaussian", "gaussian_unoriented"},
    OtherName{"sigmoid", "",
              "Kernel(formula_sum=\"Tanh(G_0*Scalprod(X_0, Y_0) + G_1)\")"},
    OtherName{
        "cosine", "",
        "Kernel(formula_sum=\"Scalprod(Normalize(X_0), Normalize(Y_0))\")"},
    OtherName{"cosine", "",
              "Kernel(formula_sum=\"Cos(G_0*Norm2(X_0 - Y_0))\")"},
    OtherName{
        "cosinesimilarity", "",
        "Kernel(formula_sum=\"Scalprod(Normalize(X_0), Normalize(Y_0))\")"},
    OtherName{"chi2", "",
              "Kernel(formula_sum=\"Exp(-G_0*Sum(IfElse(-X_0 - Y_0, 0, "
              "Square(X_0 - Y_0)/(X_0 + Y_0))))\")"},
    OtherName{"additivechi2", "",
              "Kernel(formula_sum=\"-Sum(IfElse(-X_0 - Y_0, 0, "
              "Square(X_0 - Y_0)/(X_0 + Y_0)))\")"},
};

std::string key_of(std::string_view name) {
  constexpr std::string_view kKernel = "kernel";
  std::string key = lower_case(name);
  std::erase(key, '_');
  if (key.ends_with(kKernel)) key.resize(key.size() - kKernel.size());
  return key;
}

}  // namespace

std::vector<std::string> names_here(std::string_view name,
                                    std::span<const std::string> atoms) {
  const std::string key = key_of(name);
  std::vector<std::string> result;
  for (const OtherName& row : kOtherNames) {
    const bool is_known =
        row.atom.empty() ||
        std::find(atoms.begin(), atoms.end(), row.atom) != atoms.end();
    if (row.name != key || !is_known) continue;
    result.emplace_back(row.text.empty() ? row.atom : row.text);
  }
  for (const std::string& atom : atoms) {
    if (key_of(atom) == key) result.push_back(atom);
  }
  return result;
}

}  // namespace gramless
