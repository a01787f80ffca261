// SPDX-License-Identifier: MIT
// Holds the catalogue of atoms.
#include "gramless/name/catalogue.h"

#include <array>

namespace gramless {
namespace {

constexpr std::array kCatalogue = {
    AtomRow{"linear", Parameter::none, "s", "log(s)", false, false,
            "The scalar product; its logarithm is NaN where it is negative."},
    AtomRow{"gaussian", Parameter::metric, "exp(-q)", "-q", true, true,
            "The Gaussian, or RBF, kernel."},
    AtomRow{"laplacian", Parameter::metric, "laplacian(q)", "-sqrt(q)", true,
            true, "The exponential kernel, pointed at coincident points."},
    AtomRow{"cauchy", Parameter::metric, "1/(1 + q)", "-log1p(q)", true, false,
            "The Cauchy kernel, with heavy tails."},
    AtomRow{"inverse_multiquadric", Parameter::metric, "rsqrt(1 + q)",
            "-log1p(q)/2", true, false, "A kernel with very heavy tails."},
    AtomRow{"distance", Parameter::metric, "sqrt(q)", "log(q)/2", true, false,
            "The Euclidean norm of the difference."},
    AtomRow{"matern32", Parameter::metric, "matern32(q)", "log_matern32(q)",
            true, true, "The Matérn kernel of smoothness 3/2."},
    AtomRow{"matern52", Parameter::metric, "matern52(q)", "log_matern52(q)",
            true, true, "The Matérn kernel of smoothness 5/2."},
    AtomRow{"multiquadric", Parameter::metric, "sqrt(1 + q)", "log1p(q)/2",
            true, false, "The multiquadric, which grows with the distance."},
    AtomRow{"binet", Parameter::none, "s**2", "log(s**2)", true, false,
            "The squared scalar product: orientations up to sign."},
    AtomRow{"gaussian_oriented", Parameter::scalar, "exp(2*g*(s - 1))",
            "2*g*(s - 1)", true, true,
            "A Gaussian on the sphere of unit vectors."},
    AtomRow{"gaussian_unoriented", Parameter::scalar, "exp(2*g*(s**2 - 1))",
            "2*g*(s**2 - 1)", true, true,
            "A Gaussian on unit vectors up to their sign."},
};

}  // namespace

std::span<const AtomRow> catalogue() { return kCatalogue; }

std::vector<std::string> atom_names() {
  std::vector<std::string> names;
  for (const AtomRow& row : kCatalogue) names.emplace_back(row.name);
  return names;
}

}  // namespace gramless
