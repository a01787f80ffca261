// SPDX-License-Identifier: MIT
// Fuzzes own formulas: a formula is refused with a proper message, when it is
// parsed or when widths are known, or passes all stages.
#include "fuzz/running.h"
#include "fuzz/signatures.h"
#include "fuzz/target.h"
#include "gramless/error.h"

namespace gramless::testing {
namespace {

// Longer formulas are read, but not built: time is better spent on many.
constexpr std::size_t kLongestBuilt = 200;
constexpr std::size_t kMostArguments = 4;

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
  const Signature signature = draw_signature_of_formula(draw, kernel);
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
