// SPDX-License-Identifier: MIT
// Emits reductions: how the value of a pair joins the state of a block of
// terms, and how that joins the state of all blocks.
#pragma once

#include <functional>

#include "gramless/codegen/packed_values.h"

namespace gramless {

/// What a pair adds: a value, or the product of two, the second of which may be
/// null. `position` are integers as wide as the value: where the pair stands on
/// the reduced axis, counted from the start of its block.
struct ReducedTerm {
  llvm::Value* first;
  llvm::Value* second;
  llvm::Value* position;
};

/// Where the state of all blocks is: the address of each of its words, in 64
/// bits each. In float32 its numbers are in float64; but on GPUs, where float64
/// is slow, they are in float32 too, with the errors that float64 keeps.
using WordAddress = std::function<llvm::Value*(std::size_t word)>;

class ReductionCode {
 public:
  struct Config {
    TileShape shape;
    const Target& target;
  };
  ReductionCode(llvm::IRBuilder<>& ir, VectorMath& math, TileMemory& memory,
                const Config& config);

  /// Returns the state of a block of nothing: as many registers of numbers as
  /// a block keeps for one state.
  Registers identity(Reduction reduction);

  /// Returns a block's state with one term more.
  Registers add(Reduction reduction, const Registers& block,
                const ReducedTerm& term);

  /// Combines the state of all blocks with that of a block that starts at the
  /// position `first` of the reduced axis. The block of a reduction with a
  /// scale has a second register: its scale, which is not below the earlier
  /// one.
  void combine(Reduction reduction, const Registers& block, llvm::Value* first,
               const WordAddress& address);

  /// Combines the state of all blocks with that of later positions.
  void merge(Reduction reduction, const WordAddress& later,
             const WordAddress& address);

  /// Makes the state of all blocks, or a part of it, that of nothing.
  void clear(Reduction reduction, const WordAddress& address);

  /// Stores a state of all blocks in another place.
  void copy(Reduction reduction, const WordAddress& from,
            const WordAddress& to);

  /// Loads the scale of a state of all blocks, in the format of terms.
  llvm::Value* scale_of(const WordAddress& address);

  /// Loads a state of all blocks, and makes float64 of its words.
  Registers settled(Reduction reduction, const WordAddress& address);

 private:
  /// The code of a row of the table of reductions.
  struct Routine {
    Reduction reduction;
    Registers (ReductionCode::*identity)();
    Registers (ReductionCode::*add)(const Registers&, const ReducedTerm&);
    void (ReductionCode::*combine)(const Registers&, llvm::Value*,
                                   const WordAddress&);
    void (ReductionCode::*merge)(const WordAddress&, const WordAddress&);
    Registers (ReductionCode::*settled)(const WordAddress&);
  };
  static const Routine& routine_of(Reduction reduction);

  Registers zero();
  Registers add_to_sum(const Registers& block, const ReducedTerm& term);
  void combine_sums(const Registers& block, llvm::Value* first,
                    const WordAddress& address);
  void combine_scaled(const Registers& block, llvm::Value* first,
                      const WordAddress& address);
  /// A term with its error, or null for none.
  struct Addend {
    llvm::Value* term;
    llvm::Value* error;
  };
  /// Adds to a sum and its error, both multiplied by `factor` if there is one.
  void add_to_total(Addend addend, llvm::Value* factor,
                    const WordAddress& address);
  Addend load_addend(const WordAddress& address);
  void merge_sums(const WordAddress& later, const WordAddress& address);
  void merge_scaled(const WordAddress& later, const WordAddress& address);
  template <int sign>
  void merge_extremes(const WordAddress& later, const WordAddress& address);
  /// Returns 4**(scale - common), for a scale that is not above the other.
  llvm::Value* rescaling(llvm::Value* scale, llvm::Value* common);
  Registers settled_sum(const WordAddress& address);
  Registers settled_scaled(const WordAddress& address);
  Registers settled_extreme(const WordAddress& address);
  llvm::Value* is_finite(llvm::Value* number);
  template <int sign>
  Registers no_extreme();
  template <int sign>
  Registers keep_extreme(const Registers& block, const ReducedTerm& term);
  template <int sign>
  void combine_extremes(const Registers& block, llvm::Value* first,
                        const WordAddress& address);
  /// An extreme, and whether there is one.
  struct Extreme {
    llvm::Value* value;
    llvm::Value* index;
    llvm::Value* is_some;
  };
  /// Keeps the better one of two extremes.
  void keep_better(int sign, const Extreme& later, const WordAddress& address);
  /// Returns where a later value replaces an earlier one.
  llvm::Value* replaces(int sign, llvm::Value* later, llvm::Value* earlier,
                        llvm::Value* earlier_index);

  /// Returns the number of a block in the format of states.
  llvm::Value* widened(llvm::Value* number);
  /// Loads a number of a state, and the same in float64.
  llvm::Value* load(llvm::Value* address);
  llvm::Value* load_wide(llvm::Value* address);
  llvm::Value* load_index(llvm::Value* address);
  /// Whether a word of a state is an index.
  static bool is_index(Reduction reduction, std::size_t word);
  [[nodiscard]] llvm::Type* index_type() const;

  llvm::IRBuilder<>& ir_;
  VectorMath& math_;
  TileMemory& memory_;
  TileShape shape_;
  llvm::Type* type_;
  llvm::Type* wide_;   // Of float64.
  llvm::Type* state_;  // Of the numbers of states.
  bool has_errors_;    // Whether states keep what their rounding loses.
};

}  // namespace gramless
