// SPDX-License-Identifier: MIT
// Says that this build has no code generator for GPUs.
#include "gramless/backend/backend.h"
#include "gramless/error.h"

namespace gramless::cuda {

std::string explain(const Program& /*program*/, Sizes /*sizes*/,
                    DType /*dtype*/, std::string_view /*arch*/) {
  throw CompileError(
      "explain(): expected a build with code for GPUs, got one without. Build "
      "Gramless with GRAMLESS_CUDA=ON.");
}

}  // namespace gramless::cuda
