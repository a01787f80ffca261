// SPDX-License-Identifier: MIT
// Turns modules for GPUs into PTX, the text that a driver takes.
#pragma once

#include <string>
#include <string_view>

namespace gramless {
struct GeneratedModule;
}

namespace gramless::cuda {

/// Returns 80 for `sm_80`. Throws ArgumentError for what is no architecture of
/// GPUs, or below sm_75.
int capability_of(std::string_view arch);

/// Returns the PTX of a module, in the lowest version of PTX that its target
/// takes. LLVM sets up parts of itself: see ForkLock::first_use.
std::string ptx(GeneratedModule generated);

}  // namespace gramless::cuda
