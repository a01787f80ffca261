// SPDX-License-Identifier: MIT
// Emits loads and stores of numbers that are some distance apart.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include "gramless/codegen/module.h"

namespace gramless {

/// How far the rows of an array are from the first one of a vector of them.
/// Lanes behind the last row share its place.
class LaneOffsets {
 public:
  /// Emits tables for vectors of rows, of which there are `count`, `stride`
  /// numbers apart. Stands in front of the loop over them.
  LaneOffsets(llvm::IRBuilder<>& ir, int lanes, llvm::Value* stride,
              llvm::Value* count);

  /// Returns the table of the vector that starts at a row.
  llvm::Value* at(llvm::IRBuilder<>& ir, llvm::Value* row) const;

 private:
  llvm::Value* whole_;
  llvm::Value* rest_;
  llvm::Value* first_of_rest_;
};

/// Returns a vector of so many numbers of a type, or one number, from `data`
/// and the offsets of a table behind. Vectors come from a function that is
/// emitted once in a module, as its code is long.
llvm::Value* load_strided(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                          llvm::Type* number, int lanes, llvm::Value* data,
                          llvm::Value* offsets);

/// Stores the lanes of a vector, or one number, there. Lanes that share a place
/// must be equal.
void store_strided(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                   llvm::Value* numbers, llvm::Value* data,
                   llvm::Value* offsets);

}  // namespace gramless
