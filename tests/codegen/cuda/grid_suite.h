// SPDX-License-Identifier: MIT
// The tests of kernels for grids, which each executor runs.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "codegen/cuda/grid_executor.h"

namespace gramless::testing {

/// An executor, and the text of a case.
using GridCase = std::tuple<GridExecutor*, std::string>;

/// A test that is skipped where the executor cannot run.
class GridSuite : public ::testing::TestWithParam<GridCase> {
 protected:
  void SetUp() override;

  [[nodiscard]] static GridExecutor& executor() {
    return *std::get<GridExecutor*>(GetParam());
  }
  [[nodiscard]] static const std::string& text() {
    return std::get<std::string>(GetParam());
  }

  /// Returns how many programs the test has run.
  [[nodiscard]] int64_t sweeps() const { return executor().sweeps() - before_; }

 private:
  int64_t before_ = 0;
};

// Of names, of own formulas, of widths D, of batches by their kernels, and of
// batches of one kernel.
class GridKernels : public GridSuite {};
class GridFormulas : public GridSuite {};
class GridWidths : public GridSuite {};
class GridBatches : public GridSuite {};
class GridBatch : public GridSuite {};

/// Which texts a suite is for; `none`: an empty one.
enum class GridTexts : uint8_t { kernels, formulas, widths, batches, none };

std::vector<std::string> grid_cases(GridTexts texts);

/// Returns the letters and digits of a case.
std::string case_name(const ::testing::TestParamInfo<GridCase>& info);

}  // namespace gramless::testing

#define GRAMLESS_GRID_TESTS(Name, Suite, executor, texts)         \
  INSTANTIATE_TEST_SUITE_P(                                       \
      Name, Suite,                                                \
      ::testing::Combine(::testing::Values(&(executor)),          \
                         ::testing::ValuesIn(grid_cases(texts))), \
      case_name)

/// Runs all of the suite by an executor, in the namespace gramless::testing.
#define GRAMLESS_GRID_SUITE(Name, executor)                               \
  GRAMLESS_GRID_TESTS(Name, GridKernels, executor, GridTexts::kernels);   \
  GRAMLESS_GRID_TESTS(Name, GridFormulas, executor, GridTexts::formulas); \
  GRAMLESS_GRID_TESTS(Name, GridWidths, executor, GridTexts::widths);     \
  GRAMLESS_GRID_TESTS(Name, GridBatches, executor, GridTexts::batches);   \
  GRAMLESS_GRID_TESTS(Name, GridBatch, executor, GridTexts::none)
