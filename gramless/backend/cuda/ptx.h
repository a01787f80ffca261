// SPDX-License-Identifier: MIT
// Turns modules for GPUs into PTX, the text that a driver takes.
#pragma once

#include <string>

namespace gramless {
struct GeneratedModule;
}

namespace gramless::cuda {

/// Returns the PTX of a module, in the lowest version of PTX that its target
/// takes. LLVM sets up parts of itself: see ForkLock::first_use.
std::string ptx(GeneratedModule generated);

}  // namespace gramless::cuda
