// SPDX-License-Identifier: MIT
// Emits loads and stores of vectors of rows.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include "gramless/codegen/block_code.h"
#include "gramless/codegen/module.h"

namespace gramless {

/// Rows of an array: their number, how far apart they and their elements are,
/// in numbers, and how many are loaded or stored at once.
struct RowLayout {
  llvm::Value* count = nullptr;
  llvm::Value* row_stride = nullptr;
  llvm::Value* element_stride = nullptr;
  int lanes = 1;
  int64_t elements = 1;
};

/// Returns how many elements of a row are loaded and stored at once where it
/// has some axes: all if they are few, else one.
int64_t elements_together(int lanes, const Extents& extents,
                          std::span<const Axis> axes);

/// Vectors of rows, of which the last lanes may share the place of the last
/// row.
class RowVectors {
 public:
  /// Emits, in front of the loop over them, what vectors of rows need.
  RowVectors(GeneratedModule& generated, llvm::IRBuilder<>& ir,
             const RowLayout& layout);

  /// The elements of a row that are loaded or stored at once.
  [[nodiscard]] int64_t elements() const { return layout_.elements; }

  /// Returns elements of the rows from `row` on, of which `data` is the first
  /// one's place: vectors, or numbers where there is one lane.
  Registers load(llvm::Type* number, llvm::Value* data, llvm::Value* row);

  /// Stores elements there. Lanes that share a place must be equal.
  void store(const Registers& elements, llvm::Value* data, llvm::Value* row);

 private:
  /// What loads or stores vectors of rows where rows are next to each other,
  /// where whole rows are, and in any other layout.
  struct Ways {
    std::function<Registers()> rows;
    std::function<Registers()> elements;
    std::function<Registers()> any;
  };
  /// Emits all three, and returns what the one that runs returns.
  Registers choose(llvm::Value* row, const Ways& ways);
  /// Loads a vector, and fetches that of a later group of rows, which a later
  /// call of the function loads.
  llvm::Value* load_next(llvm::FixedVectorType* type, llvm::Value* data);
  llvm::Value* element_at(llvm::Type* number, llvm::Value* data, int64_t index);
  llvm::Value* addresses(llvm::Type* number, llvm::Value* data,
                         llvm::Value* row);
  llvm::Value* gather(llvm::FixedVectorType* type, llvm::Value* addresses);
  /// Returns vectors of the numbers at `from(k, lane)` of other vectors, each
  /// of which counts its lanes behind those of the one before.
  Registers shuffled(
      const Registers& vectors,
      const std::function<int64_t(int64_t k, int64_t lane)>& from);

  GeneratedModule& generated_;
  llvm::IRBuilder<>& ir_;
  RowLayout layout_;
  /// Numbers from a row to the one that is fetched.
  llvm::Value* ahead_ = nullptr;
  llvm::Value* offsets_ = nullptr;
  llvm::Value* offsets_of_rest_ = nullptr;
  llvm::Value* first_of_rest_ = nullptr;
  /// The row from which on vectors of rows are not next to each other.
  llvm::Value* end_of_rows_ = nullptr;
  /// The row from which on whole rows are not next to each other.
  llvm::Value* end_of_elements_ = nullptr;
};

}  // namespace gramless
