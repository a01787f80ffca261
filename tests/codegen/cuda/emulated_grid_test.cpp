// SPDX-License-Identifier: MIT
// Runs the suite of kernels for grids on the CPU.
#include "codegen/cuda/emulated_grid.h"

#include "codegen/cuda/grid_suite.h"

namespace gramless::testing {

GRAMLESS_GRID_SUITE(Emulated, emulated_grid());

}  // namespace gramless::testing
