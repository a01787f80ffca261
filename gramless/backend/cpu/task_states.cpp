// SPDX-License-Identifier: MIT
// Clears the states of a task, and combines their lanes.
#include "gramless/backend/cpu/task_states.h"

#include <algorithm>

namespace gramless::cpu {
namespace {

/// Returns how many words of one kind the states of an element of a row take.
int64_t element_words(const ReadySweep& sweep) {
  return sweep.shape.lanes_along_kept ? 1 : sweep.shape.lanes;
}

/// Returns how many words of one kind the states of a row take.
int64_t row_words(const ReadySweep& sweep) {
  return sweep.kept_width * element_words(sweep);
}

}  // namespace

int64_t TaskStates::numbers(const ReadySweep& sweep, int64_t rows) {
  return sweep.words *
         (rows * row_words(sweep) + sweep.shared_width * sweep.shape.lanes);
}

double* TaskStates::words(const Tile& tile, int64_t element) const {
  return memory_ + tile.first * row_words(sweep_) +
         element * tile.rows * element_words(sweep_);
}

double* TaskStates::shared() const {
  return memory_ + tiles_.rows() * row_words(sweep_);
}

TileStates TaskStates::of(const Tile& tile) const {
  return {.words = words(tile, 0), .shared = shared(), .word_stride = stride_};
}

void TaskStates::clear() {
  std::fill_n(memory_, sweep_.words * stride_, 0.0);
  const Program& program = sweep_.program;
  int64_t element = 0;
  for (const ProgramOutput& output : program.outputs) {
    if (output.kept != program.kept) continue;
    const int64_t width = program.results[output.output].width();
    const std::span<const StateWord> row = row_of(output.reduction).words;
    for (std::size_t k = 0; k < row.size(); ++k) {
      if (row[k].identity == 0) continue;
      for (const Tile& tile : tiles_) {
        std::fill_n(words(tile, element) + static_cast<int64_t>(k) * stride_,
                    width * tile.rows * element_words(sweep_), row[k].identity);
      }
    }
    element += width;
  }
}

States TaskStates::rows(const ProgramOutput& output, int64_t first) const {
  States states(sweep_.program, output, tiles_.count());
  for (const Tile& tile : tiles_) {
    for (int64_t e = 0; e < states.width(); ++e) {
      const double* const from = words(tile, first + e);
      if (sweep_.shape.lanes_along_kept) {
        copy_rows(tile, from, e, states);
      } else {
        add_rows(output, tile, from, e, states);
      }
    }
  }
  return states;
}

void TaskStates::add_shared(const ProgramOutput& output, int64_t first,
                            int64_t row, States& states) const {
  const int64_t lanes = sweep_.shape.lanes;
  for (int64_t e = 0; e < states.width(); ++e) {
    add_lanes(output, shared() + (first + e) * lanes, row, e, states);
  }
}

/// Copies the states of a tile's rows for an element.
void TaskStates::copy_rows(const Tile& tile, const double* from,
                           int64_t element, States& states) const {
  for (std::size_t kind = 0; kind < states.kinds(); ++kind) {
    double* to =
        states.words(kind).data() + tile.first * states.width() + element;
    for (int64_t row = 0; row < tile.count; ++row) {
      *to = from[row];
      to += states.width();
    }
    from += stride_;
  }
}

/// Combines the lanes of the states of a tile's rows for an element.
void TaskStates::add_rows(const ProgramOutput& output, const Tile& tile,
                          const double* from, int64_t element,
                          States& states) const {
  for (int64_t row = 0; row < tile.count; ++row) {
    add_lanes(output, from + row * sweep_.shape.lanes, tile.first + row,
              element, states);
  }
}

/// Combines a state with those of all lanes.
void TaskStates::add_lanes(const ProgramOutput& output, const double* from,
                           int64_t row, int64_t element, States& states) const {
  const ReductionRow& reduction = row_of(output.reduction);
  State state = states.get(row, element);
  for (int64_t lane = 0; lane < sweep_.shape.lanes; ++lane) {
    State part{};
    for (std::size_t k = 0; k < reduction.words.size(); ++k) {
      part.at(k) = from[static_cast<int64_t>(k) * stride_ + lane];
    }
    reduction.combine(state, part);
  }
  states.set(row, element, state);
}

}  // namespace gramless::cpu
