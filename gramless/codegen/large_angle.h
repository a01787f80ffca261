// SPDX-License-Identifier: MIT
// Reduces large angles to quarters of a turn.
#pragma once

#include <llvm/IR/IRBuilder.h>

namespace gramless {

/// Returns, emitted once in a module, a function from the bits of a double
/// x >= 2**20 to the nearest number of quarter turns, modulo 4, and the rest in
/// radians.
llvm::Function* large_angle_function(llvm::IRBuilder<>& ir);

}  // namespace gramless
