// SPDX-License-Identifier: MIT
// Emits addresses of array elements.
#pragma once

#include <llvm/IR/IRBuilder.h>

namespace gramless {

/// Returns the address of an element of an array of a type. What is constant in
/// the index is the address's displacement, so that loads next to each other
/// share their registers: no later pass sees to that.
llvm::Value* element_address(llvm::IRBuilder<>& ir, llvm::Type* type,
                             llvm::Value* array, llvm::Value* index);

}  // namespace gramless
