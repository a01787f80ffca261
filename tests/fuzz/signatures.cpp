// SPDX-License-Identifier: MIT
// Draws modes, widths and forms of gammas.
#include "fuzz/signatures.h"

#include "fuzz/running.h"

namespace gramless::testing {
namespace {

GammaForm draw_gamma(Draw& draw, Parameter parameter, int64_t width) {
  if (parameter == Parameter::none) return {};
  const PairIndex pair =
      draw.one_of({PairIndex::none, PairIndex::i, PairIndex::j});
  if (parameter == Parameter::scalar) return {1, pair};
  return {draw.one_of<int64_t>({1, width, width * width}), pair};
}

}  // namespace

Signature draw_signature_of_name(Draw& draw, const ParsedKernel& kernel) {
  Signature signature;
  signature.mode = draw_mode(draw, kernel);
  signature.signal = draw.one_of<int64_t>({1, 2, 0});
  for (std::size_t p = 0; p < kernel.pairs.size(); ++p) {
    signature.kernel.x_widths.push_back(draw_width(draw));
  }
  signature.kernel.y_widths = signature.kernel.x_widths;
  for (const GammaSlot& slot : kernel.slots) {
    signature.kernel.gammas.push_back(
        draw_gamma(draw, slot.parameter, signature.kernel.x_widths[slot.pair]));
  }
  return signature;
}

Signature draw_signature_of_formula(Draw& draw, const ParsedKernel& kernel) {
  Signature signature;
  signature.mode = draw_mode(draw, kernel);
  signature.signal = draw.one_of<int64_t>({1, 2, 0});
  const int64_t common = draw_width(draw);
  const bool is_mixed = draw.below(3) == 0;
  const auto width = [&] { return is_mixed ? draw_width(draw) : common; };
  while (signature.kernel.x_widths.size() < kernel.x_count) {
    signature.kernel.x_widths.push_back(width());
  }
  while (signature.kernel.y_widths.size() < kernel.y_count) {
    signature.kernel.y_widths.push_back(width());
  }
  while (signature.kernel.gammas.size() < kernel.slots.size()) {
    const PairIndex pair =
        draw.one_of({PairIndex::none, PairIndex::i, PairIndex::j});
    signature.kernel.gammas.push_back(
        {draw.one_of<int64_t>({1, common, common * common, 3, 9, 2}), pair});
  }
  return signature;
}

}  // namespace gramless::testing
