// SPDX-License-Identifier: MIT
// Says that this build writes no PTX.
#include "gramless/backend/cuda/ptx.h"

#include "gramless/codegen/module.h"
#include "gramless/error.h"

namespace gramless::cuda {

std::string ptx(GeneratedModule /*generated*/) {
  throw CompileError(
      "Gramless was built without code for GPUs: with GRAMLESS_CUDA=OFF.");
}

}  // namespace gramless::cuda
