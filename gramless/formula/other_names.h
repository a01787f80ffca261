// SPDX-License-Identifier: MIT
// What the kernels of other libraries are called here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gramless {

/// Returns what a name from another library, in any case and with or without
/// `_` and a `Kernel` at its end, may mean here: one of the atoms, a whole
/// kernel, or a call of `Kernel()` with a formula. What needs an atom that is
/// not among those given is left out.
std::vector<std::string> names_here(std::string_view name,
                                    std::span<const std::string> atoms);

}  // namespace gramless
