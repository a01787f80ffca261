// SPDX-License-Identifier: MIT
// Fuzzes own formulas: a formula is refused with a proper message, when it is
// parsed or when widths are known, or passes all stages.
#include "fuzz/running.h"
#include "fuzz/target.h"
#include "gramless/error.h"

namespace gramless::testing {
namespace {

// Longer formulas are read, but not built: time is better spent on many.
constexpr std::size_t kLongestBuilt = 200;
constexpr std::size_t kMostArguments = 4;

Signature draw_signature(Draw& draw, const ParsedKernel& kernel) {
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

void check_formula(std::string_view text) {
  const OwnFormula formula{"", std::string(text), "", ""};
  ParsedKernel kernel;
  try {
    kernel = parse_kernel(formula);
  } catch (const ArgumentError& error) {
    require_message(error.what(), "Kernel(): expected ", text);
    return;
  }
  const bool is_large =
      text.size() > kLongestBuilt ||
      kernel.x_count + kernel.y_count + kernel.slots.size() > kMostArguments;
  if (is_large) return;
  Draw draw(text);
  const Signature signature = draw_signature(draw, kernel);
  try {
    check_build(kernel, signature);
    if (is_to_run(draw, text)) {
      check_running(draw, Kernel(formula), signature);
    }
  } catch (const ArgumentError& error) {
    require_message(error.what(), "kernel_product(): expected ", text);
  } catch (const UnsupportedError& error) {
    require_message(error.what(), "kernel_product(): expected ", text);
  } catch (const std::exception& error) {
    throw Find(to_text(signature) + ": " + error.what());
  }
}

}  // namespace

GRAMLESS_FUZZ_TARGET(OwnFormula, check_formula, "fuzz/formula.txt")

}  // namespace gramless::testing
