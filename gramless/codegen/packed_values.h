// SPDX-License-Identifier: MIT
// Emits the loads that bring packed values into the registers of a tile.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "gramless/codegen/pack_code.h"

namespace gramless {

/// The registers of a tile, each a number or a vector with one for each lane,
/// and the arrays of such numbers, aligned as numbers are.
class TileMemory {
 public:
  TileMemory(llvm::IRBuilder<>& ir, const TileShape& shape);

  /// Returns the type of one number: float or double.
  [[nodiscard]] llvm::Type* number() const { return number_; }

  /// Returns the type of a register of numbers of a type.
  [[nodiscard]] llvm::Type* register_of(llvm::Type* number) const;

  /// Loads from an address that is a multiple of `bytes`, if these are more
  /// than those of a number.
  llvm::Value* load(llvm::Type* type, llvm::Value* address, uint64_t bytes = 0);
  void store(llvm::Value* value, llvm::Value* address);

  /// Returns the address of a number, or of a register, in an array of them.
  llvm::Value* number_at(llvm::Value* array, llvm::Value* index);
  llvm::Value* register_at(llvm::Value* array, llvm::Value* index);

  /// Returns a register with a number in each lane.
  llvm::Value* splat(llvm::Value* number);

 private:
  llvm::IRBuilder<>& ir_;
  TileShape shape_;
  llvm::Type* number_;
};

/// The panels that a tile reads, as its function gets them.
struct Panels {
  llvm::Value* call;
  llvm::Value* kept;
  llvm::Value* reduced;
  /// The distance of two elements of the reduced panel where lanes run along
  /// it.
  llvm::Value* reduced_element_stride;
  /// The bytes that the address of the reduced panel is a multiple of, if loads
  /// are to tell.
  uint64_t reduced_alignment = 0;
};

/// The values that were packed before a tile runs: of each rate but `pair`.
class PackedValues {
 public:
  /// Emits into `ir`; but where an index is fixed, once, into the block of
  /// `ahead`, in front of all loops. Both builders belong to one function.
  PackedValues(llvm::IRBuilder<>& ahead, llvm::IRBuilder<>& ir,
               const Program& program, const TileShape& shape,
               const Extents& extents, const Panels& panels);

  /// A step of the loop over the reduced axis, with the address of its values;
  /// without one, what is read once for many steps.
  struct Step {
    BlockCode* code;
    llvm::Value* address;
    int registers;
  };

  /// Returns the address of the values of a position on the reduced axis, or of
  /// one that is so many positions behind it. A loop that carries it needs no
  /// index in its loads, which takes a slot of the processor's front end.
  llvm::Value* address_of(llvm::Value* position);
  llvm::Value* address_behind(llvm::Value* address, int64_t positions);

  /// Returns a packed value where the feature axes of the step's code stand.
  BlockValue at(int value, const Step& step);

 private:
  /// Returns how far apart two positions are in the reduced panel.
  llvm::Value* position_stride();
  llvm::Value* from_call(int value, const Step& step);
  llvm::Value* from_kept(int value, const Step& step, int position);
  llvm::Value* from_reduced(int value, const Step& step, int position);
  /// Returns the bytes that the address of a number in the reduced panel is a
  /// multiple of, so many numbers behind some position.
  [[nodiscard]] uint64_t alignment_behind(llvm::Value* index) const;
  llvm::Value* load_ahead(int value, const Environment& environment,
                          const std::function<llvm::Value*()>& emit);
  llvm::Value* element(const PanelLayout& layout, int value, const Step& step);

  llvm::IRBuilder<>& ahead_;
  llvm::IRBuilder<>& ir_;
  const Program& program_;
  TileShape shape_;
  TileMemory memory_;
  Panels panels_;
  PanelLayout call_;
  PanelLayout kept_;
  PanelLayout reduced_;
  bool are_kept_loaded_once_;
  std::map<std::pair<int, Registers>, llvm::Value*> loaded_;
};

}  // namespace gramless
