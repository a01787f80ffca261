// SPDX-License-Identifier: MIT
// Tests the kernels of grids on random kernels, formulas and values, against
// bounds of what they mean.
#include "gramless/codegen/cuda/grid_code.h"

#include <gtest/gtest.h>

#include "codegen/cuda/grid_suite.h"
#include "fuzz/running.h"
#include "fuzz/signatures.h"
#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless::testing {
namespace {

/// Programs that a case runs, at least.
constexpr int64_t kLeastSweeps = 8;

using DrawSignature = Signature (*)(Draw&, const ParsedKernel&);

/// Draws modes, widths, sizes and values for a kernel, several times, and runs
/// it with a derivative and a second one, with each of the choices. Widths may
/// not fit a formula.
void expect_right(GridExecutor& executor, const std::string& name,
                  const Kernel& kernel, DrawSignature draw_signature) {
  constexpr std::size_t kDraws = 9;
  const std::vector<GridChoices> choices = executor.choices();
  for (std::size_t k = 0; k < kDraws; ++k) {
    const std::string text = concat(name, " ", k);
    Draw draw(text);
    const Signature signature = draw_signature(draw, kernel.parsed());
    const RunSweep engine = run_by(executor, choices[k % choices.size()]);
    try {
      check_running(draw, kernel, signature, {.engine = engine});
    } catch (const UnsupportedError&) {
    } catch (const ArgumentError&) {
    } catch (const std::exception& error) {
      FAIL() << text << ": " << to_text(signature) << ": " << error.what();
    }
  }
}

TEST_P(GridKernels, AreComputed) {
  expect_right(executor(), text(), Kernel(text()), draw_signature_of_name);
  EXPECT_GE(sweeps(), kLeastSweeps);
}

TEST_P(GridFormulas, AreComputed) {
  expect_right(executor(), text(), Kernel(OwnFormula{"", text(), "", ""}),
               draw_signature_of_formula);
  EXPECT_GE(sweeps(), kLeastSweeps);
}

/// All widths with all sizes are many: each width meets some sizes.
TEST_P(GridWidths, AreComputed) {
  constexpr std::array<int64_t, 7> kSizes = {0, 1, 2, 31, 33, 200, 1000};
  const int64_t D = std::stoll(text());
  const Kernel kernel("gaussian(x,y)");
  const std::vector<GridChoices> choices = executor().choices();
  std::size_t draws = static_cast<std::size_t>(D);
  for (const int64_t E : {1, 3, 64}) {
    for (const Mode mode : {Mode::sum, Mode::lse}) {
      for (const DType dtype : {DType::float32, DType::float64}) {
        const Signature signature{mode, {{D}, {D}, {{1, PairIndex::none}}}, E};
        const std::string drawn = concat(to_text(signature), dtype_name(dtype));
        Draw draw(drawn);
        const Sizes sizes{kSizes.at(draw.below(7)), kSizes.at(draw.below(6))};
        const RunSweep engine =
            run_by(executor(), choices[draws++ % choices.size()]);
        ASSERT_NO_THROW(
            check_running(draw, kernel, signature, {engine, sizes, dtype}))
            << drawn << ", M " << sizes.M << ", N " << sizes.N;
      }
    }
  }
  EXPECT_GE(sweeps(), kLeastSweeps);
}

}  // namespace
}  // namespace gramless::testing
