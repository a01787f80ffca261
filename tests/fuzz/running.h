// SPDX-License-Identifier: MIT
// Runs generated code on drawn arrays, between guard pages, and compares it
// with what the formula means.
#pragma once

#include <optional>

#include "codegen/cuda/grid_executor.h"
#include "fuzz/stages.h"
#include "gramless/kernel.h"

namespace gramless::testing {

/// Returns a width: often a small one, or one around those of vectors.
int64_t draw_width(Draw& draw);

/// Whether the kernel of a text is to be run: one of some that are not long,
/// for a run takes as long as the other stages of some hundred.
bool is_to_run(Draw& draw, std::string_view text);

/// What a run takes that is not drawn.
struct RunChoices {
  /// What runs programs; nothing for the CPU.
  RunSweep engine = {};
  std::optional<Sizes> sizes = {};
  std::optional<DType> dtype = {};
};

/// Compiles and runs the function of a kernel and one of its derivatives, or
/// second derivatives. Throws what it finds.
void check_running(Draw& draw, const Kernel& kernel, const Signature& signature,
                   const RunChoices& choices = {});

}  // namespace gramless::testing
