// SPDX-License-Identifier: MIT
// Generates the code of a sweep: functions that pack values, run a tile, and
// store its results. This header says how they are called; it needs no LLVM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "gramless/codegen/target.h"
#include "gramless/plan/plan.h"

namespace gramless {

struct GeneratedModule;

/// An argument or a result, with its strides in elements.
template <class Data>
struct PointerTo {
  Data* data = nullptr;
  int64_t row_stride = 0;
  int64_t element_stride = 0;
};
using ArrayPointer = PointerTo<const void>;
using ResultPointer = PointerTo<void>;

/// Returns the pointer to the elements of a view, of one problem.
template <class View>
auto pointer_to(const View& view) {
  const std::size_t axes = view.strides.size();
  using Pointer = PointerTo<std::remove_pointer_t<decltype(view.data)>>;
  return Pointer{view.data, axes == 2 ? view.strides[0] : 0,
                 axes > 0 ? view.strides[axes - 1] : 0};
}

/// Computes the packed values of one rate (packed_values() in plan.h) for the
/// positions [first, first + count), and stores each element at
/// `panel[element * element_stride + position * item_stride]`, positions
/// counted from `first`. Where lanes run along the axis, it stores whole
/// vectors, with copies of the last position behind it. `call` is the panel of
/// the rate `call`.
using PackFunction = void(const ArrayPointer* arrays, const int64_t* extents,
                          const void* call, void* panel, int64_t first,
                          int64_t count, int64_t element_stride,
                          int64_t item_stride);

/// Bytes that the address of a panel on a GPU is a multiple of.
inline constexpr uint64_t kPanelAlignment = 16;

/// The panels of a tile. Where lanes run along an axis, its elements are
/// `element_stride` apart and its positions 1; otherwise its positions are as
/// far apart as there are elements.
struct TilePanels {
  const void* call = nullptr;
  const void* kept = nullptr;
  const void* reduced = nullptr;
  int64_t reduced_count = 0;
  int64_t reduced_element_stride = 0;
  /// The position of the panel's first one on the whole axis.
  int64_t reduced_first = 0;
  /// The rows of a tile that count, in the rest of the rows.
  int64_t kept_count = 0;
  /// The first row of a tile that counts in sums over the rows, on a GPU: tiles
  /// that end at the last row may have rows of the tile before.
  int64_t kept_first = 0;
};

/// The states that a tile adds to: for each element, register along the kept
/// axis and lane, in this order, a word of 64 bits; the next word of each
/// `word_stride` further on. Outputs that keep no axis have one state for each
/// element and lane, in `shared`.
struct TileStates {
  double* words = nullptr;
  double* shared = nullptr;
  int64_t word_stride = 0;
  /// Scratch memory for the states of one block of terms, and for the values of
  /// its pairs: see block_numbers() and scratch_numbers() in plan.h.
  void* block = nullptr;
  void* scratch = nullptr;
  /// For crossed outputs, a register for each position of the panel `reduced`
  /// and element, which the tile adds to.
  void* crossed = nullptr;
};

/// Adds the values of all pairs of a tile's rows with the positions of the
/// panel `reduced` to the states.
using TileFunction = void(const int64_t* extents, const TilePanels* panels,
                          const TileStates* states);

/// Adds the lanes of the registers `crossed` to states, a word of each kind for
/// each position and element, and clears the registers.
using CrossedFunction = TileFunction;

/// Rows of a tile.
struct TileRows {
  int64_t first = 0;  // On the whole axis.
  int64_t count = 0;
  int64_t all = 0;  // With copies of the last one.
};

/// Makes results of the states of a tile: those of outputs that keep its rows.
using StoreFunction = void(const int64_t* extents, const TileStates* states,
                           const TileRows* rows, const ResultPointer* results);

inline constexpr const char* kPackCall = "pack_call";
inline constexpr const char* kPackKept = "pack_kept";
inline constexpr const char* kPackReduced = "pack_reduced";
inline constexpr const char* kTile = "tile";
inline constexpr const char* kRestTile = "rest_tile";
inline constexpr const char* kAddCrossed = "add_crossed";
inline constexpr const char* kStore = "store";

/// Generates the module of a program.
GeneratedModule generate_sweep(const Program& program, const TileShape& shape,
                               const Target& target);

}  // namespace gramless
