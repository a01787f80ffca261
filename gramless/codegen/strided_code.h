// SPDX-License-Identifier: MIT
// Emits loads and stores of numbers that are some distance apart.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include "gramless/codegen/module.h"

namespace gramless {

/// A number in memory for each lane, `stride` numbers apart. Lanes behind
/// `last` share its number.
struct StridedNumbers {
  llvm::Value* data;
  llvm::Value* stride;
  llvm::Value* last;
};

/// Returns a vector of so many numbers of a type, or one number. Vectors come
/// from a function that is emitted once in a module, as its code is long.
llvm::Value* load_strided(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                          llvm::Type* number, int lanes,
                          const StridedNumbers& from);

/// Stores the lanes of a vector, or one number. Lanes that share a number in
/// memory must be equal.
void store_strided(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                   llvm::Value* numbers, const StridedNumbers& to);

}  // namespace gramless
