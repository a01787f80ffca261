// SPDX-License-Identifier: MIT
// Emits loads and stores of vectors of rows.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include "gramless/codegen/module.h"

namespace gramless {

/// Vectors of rows of an array: `lanes` at a time, of which the last ones may
/// share the place of the last row.
class RowVectors {
 public:
  /// Emits, in front of the loop over them, what vectors of `count` rows that
  /// are `stride` numbers apart need.
  RowVectors(GeneratedModule& generated, llvm::IRBuilder<>& ir, int lanes,
             llvm::Value* stride, llvm::Value* count);

  /// Returns numbers of a type, of the rows from `row` on, of which `data` is
  /// the first one's place: a vector, or one number where there is one lane.
  llvm::Value* load(llvm::Type* number, llvm::Value* data, llvm::Value* row);

  /// Stores numbers there. Lanes that share a place must be equal.
  void store(llvm::Value* numbers, llvm::Value* data, llvm::Value* row);

 private:
  /// Emits `next` for vectors of rows that are next to each other, and `apart`
  /// for others, and returns what they return, if anything.
  template <class Next, class Apart>
  llvm::Value* choose(llvm::Value* row, const Next& next, const Apart& apart);
  llvm::Value* addresses(llvm::Type* number, llvm::Value* data,
                         llvm::Value* row);
  llvm::Value* gather(llvm::FixedVectorType* type, llvm::Value* data,
                      llvm::Value* row);

  GeneratedModule& generated_;
  llvm::IRBuilder<>& ir_;
  int lanes_;
  llvm::Value* offsets_ = nullptr;
  llvm::Value* offsets_of_rest_ = nullptr;
  llvm::Value* first_of_rest_ = nullptr;
  /// The row from which on vectors are not next to each other in memory.
  llvm::Value* end_of_next_ = nullptr;
};

}  // namespace gramless
