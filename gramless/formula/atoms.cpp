// SPDX-License-Identifier: MIT
// Holds the table of atoms.
#include "gramless/formula/atoms.h"

#include <algorithm>

namespace gramless {
namespace {

constexpr std::array kAtoms = {
    AtomRow{.name = "linear",
            .parameters = "-",
            .formula = "({X}|{Y})",
            .log_formula = "Log(({X}|{Y}))",
            .description =
                "The scalar product; its logarithm is NaN where it is "
                "negative.",
            .is_signed = true},
    AtomRow{.name = "gaussian",
            .parameters = "m",
            .formula = "Exp(-WeightedSqDist({G},{X},{Y}))",
            .log_formula = "-WeightedSqDist({G},{X},{Y})",
            .description = "The Gaussian, or RBF, kernel."},
    AtomRow{
        .name = "laplacian",
        .parameters = "m",
        .formula = "Exp(-Sqrt(WeightedSqDist({G},{X},{Y})))",
        .log_formula = "-Sqrt(WeightedSqDist({G},{X},{Y}))",
        .description = "The exponential kernel, pointed at coincident points.",
        .built_formula = "Laplacian(WeightedSqDist({G},{X},{Y}))"},
    AtomRow{.name = "cauchy",
            .parameters = "m",
            .formula = "1/(1 + WeightedSqDist({G},{X},{Y}))",
            .log_formula = "-Log(1 + WeightedSqDist({G},{X},{Y}))",
            .description = "The Cauchy kernel, with heavy tails."},
    AtomRow{.name = "inverse_multiquadric",
            .parameters = "m",
            .formula = "1/Sqrt(1 + WeightedSqDist({G},{X},{Y}))",
            .log_formula = "-Log(1 + WeightedSqDist({G},{X},{Y}))/2",
            .description = "A kernel with very heavy tails."},
    AtomRow{.name = "distance",
            .parameters = "m",
            .formula = "Sqrt(WeightedSqDist({G},{X},{Y}))",
            .log_formula = "Log(WeightedSqDist({G},{X},{Y}))/2",
            .description = "The Euclidean norm of the difference."},
    AtomRow{.name = "matern32",
            .parameters = "m",
            .formula = "(1 + Sqrt(WeightedSqDist({G},{X},{Y})))"
                       "*Exp(-Sqrt(WeightedSqDist({G},{X},{Y})))",
            .log_formula = "Log(1 + Sqrt(WeightedSqDist({G},{X},{Y})))"
                           " - Sqrt(WeightedSqDist({G},{X},{Y}))",
            .description = "The Matérn kernel of smoothness 3/2.",
            .built_formula = "Matern32(WeightedSqDist({G},{X},{Y}))"},
    AtomRow{.name = "matern52",
            .parameters = "m",
            .formula = "(1 + Sqrt(WeightedSqDist({G},{X},{Y}))"
                       " + WeightedSqDist({G},{X},{Y})/3)"
                       "*Exp(-Sqrt(WeightedSqDist({G},{X},{Y})))",
            .log_formula = "Log(1 + Sqrt(WeightedSqDist({G},{X},{Y}))"
                           " + WeightedSqDist({G},{X},{Y})/3)"
                           " - Sqrt(WeightedSqDist({G},{X},{Y}))",
            .description = "The Matérn kernel of smoothness 5/2.",
            .built_formula = "Matern52(WeightedSqDist({G},{X},{Y}))"},
    AtomRow{.name = "multiquadric",
            .parameters = "m",
            .formula = "Sqrt(1 + WeightedSqDist({G},{X},{Y}))",
            .log_formula = "Log(1 + WeightedSqDist({G},{X},{Y}))/2",
            .description = "The multiquadric, which grows with the distance."},
    AtomRow{
        .name = "binet",
        .parameters = "-",
        .formula = "({X}|{Y})**2",
        .log_formula = "Log(({X}|{Y})**2)",
        .description = "The squared scalar product: orientations up to sign."},
    AtomRow{.name = "gaussian_oriented",
            .parameters = "s",
            .formula = "Exp(2*{G}*(({X}|{Y}) - 1))",
            .log_formula = "2*{G}*(({X}|{Y}) - 1)",
            .description = "A Gaussian on the sphere of unit vectors."},
    AtomRow{.name = "gaussian_unoriented",
            .parameters = "s",
            .formula = "Exp(2*{G}*(({X}|{Y})**2 - 1))",
            .log_formula = "2*{G}*(({X}|{Y})**2 - 1)",
            .description = "A Gaussian on unit vectors up to their sign."},
    AtomRow{
        .name = "rational_quadratic",
        .parameters = "ms",
        .formula = "Exp(-{H}*Log(1 + WeightedSqDist({G},{X},{Y})/{H}))",
        .log_formula = "-{H}*Log(1 + WeightedSqDist({G},{X},{Y})/{H})",
        .description =
            "A mixture of Gaussians of all widths; H is how alike these "
            "are.",
        .built_formula = "Exp(-{H}*Log1p(WeightedSqDist({G},{X},{Y})/{H}))"},
    AtomRow{.name = "periodic",
            .parameters = "ms",
            .formula = "Exp(-WeightedSqNorm({G}, Sin(3.141592653589793*{H}"
                       "*({X} - {Y}))))",
            .log_formula = "-WeightedSqNorm({G}, Sin(3.141592653589793*{H}"
                           "*({X} - {Y})))",
            .description =
                "A Gaussian of sines: periodic, with H periods in each unit."},
};

}  // namespace

std::span<const AtomRow> atom_table() { return kAtoms; }

const AtomRow* find_atom(std::string_view name) {
  const auto* found =
      std::find_if(kAtoms.begin(), kAtoms.end(),
                   [&](const AtomRow& row) { return row.name == name; });
  return found == kAtoms.end() ? nullptr : found;
}

std::vector<Parameter> parameters_of(const AtomRow& row) {
  std::vector<Parameter> parameters;
  for (const char letter : row.parameters) {
    parameters.push_back(static_cast<Parameter>(letter));
  }
  return parameters;
}

}  // namespace gramless
