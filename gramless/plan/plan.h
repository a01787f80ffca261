// SPDX-License-Identifier: MIT
// A plan: the shape of the generated loops, and how tiles, chunks and splits
// share the work. A pure function of program, sizes, dtype and vector length.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/lower/program.h"

namespace gramless {

/// The numbers of positions on the two pair axes of a sweep.
struct SweepSizes {
  int64_t kept = 0;
  int64_t reduced = 0;
  bool operator==(const SweepSizes&) const = default;
};

/// Terms that are added up in the working precision, at most.
inline constexpr int64_t kBlockTerms = 64;

/// While a group of rows is packed, the one so many groups behind it is fetched
/// from memory.
inline constexpr int kGroupsAhead = 4;

/// Elements of a row that are loaded and stored at once, at most: the code has
/// two shuffles for each pair of them.
inline constexpr int64_t kElementsTogether = 4;

/// The shape of the generated code. In a tile, `kept_unroll` rows (vectors of
/// rows, if lanes run along the kept axis) meet one position of the reduced
/// axis after another (one vector of them after another, if lanes run along
/// the reduced axis), `reduced_unroll` at once.
struct TileShape {
  DType dtype = DType::float64;
  int lanes = 1;
  bool lanes_along_kept = true;
  int kept_unroll = 1;
  int reduced_unroll = 1;
  /// Feature axes longer than this are loops with a count at run time.
  int64_t longest_unrolled = 16;
  /// Terms of a block, for each lane, of which TileShape::block() and
  /// block_positions() tell the positions.
  int64_t block_terms = kBlockTerms;
  /// Registers for the sums of an output of many elements; 0: as many as
  /// vectors of this length leave.
  int sum_registers = 0;
  /// The numbers of a position in the reduced panel are rounded up to a
  /// multiple of this, where lanes run along the kept axis.
  int64_t panel_multiple = 1;

  bool operator==(const TileShape&) const = default;
  /// Rows of a tile.
  [[nodiscard]] int64_t rows() const;
  /// Positions of the reduced axis that one block of terms covers.
  [[nodiscard]] int64_t block() const;
  [[nodiscard]] bool is_unrolled(const Axis& axis) const;
  /// Returns how far apart two positions are in the reduced panel, of which
  /// each has so many numbers.
  [[nodiscard]] int64_t panel_stride(int64_t numbers) const;
};

/// Returns whether outputs sum over the rows of a sweep. Copies of the last row
/// must not count there: what is left of the rows takes tiles of rest_of().
bool has_sums_over_rows(const Program& program);

/// Returns the shape of the tiles that take what is left of the rows: one
/// vector of rows each, with lanes that do not count, or one row.
TileShape rest_of(TileShape shape);

/// Registers that accumulators of a block may take, of the 16 or more that
/// there are.
inline constexpr int64_t kMostAccumulators = 8;

/// How the tiles are run.
struct Schedule {
  int64_t chunk = 1;   // Positions of the reduced axis packed together.
  int64_t splits = 1;  // Parts of the reduced axis that are summed apart.
  int64_t split_length = 1;
  int64_t task_rows = 1;  // Rows of a task: a multiple of the tile's.
  /// Parts of the kept axis that crossed outputs are summed over apart.
  int64_t bands = 1;
  /// Whether the reduced axis is packed once, and not by each task.
  bool is_packed_once = true;
  /// Whether starting threads costs more than it saves.
  bool is_small = false;
};

struct Plan {
  TileShape tile;
  Schedule schedule;
  /// One sentence for each choice, if they were asked for.
  std::vector<std::string> reasons;
};

/// Choices that a test may force.
struct PlanOverrides {
  std::optional<int> lanes = {};
  std::optional<bool> lanes_along_kept = {};
  std::optional<int> kept_unroll = {};
  std::optional<int> reduced_unroll = {};
  std::optional<int64_t> longest_unrolled = {};
  std::optional<int64_t> chunk = {};
  std::optional<int64_t> splits = {};
  bool operator==(const PlanOverrides&) const = default;
};

Plan make_plan(const Program& program, SweepSizes sizes, DType dtype,
               int vector_bytes, const PlanOverrides& overrides = {},
               bool has_reasons = false);

/// Returns the elements of all outputs of a program together: of those that
/// keep the sweep's axis, of those that keep none, and of the crossed ones.
int64_t kept_width(const Program& program);
int64_t shared_width(const Program& program);
int64_t crossed_width(const Program& program);
/// Returns the elements of all but the crossed ones.
int64_t output_width(const Program& program);

/// Returns the words of a state, of the output that has most.
int64_t state_words(const Program& program);

/// Returns the positions of the reduced axis that a block covers: as many as
/// TileShape says, or less where much is kept of each.
int64_t block_positions(const Program& program, const TileShape& shape);

/// Returns how many numbers a tile's states take for one block of terms, and
/// the values that are kept for it.
int64_t block_numbers(const Program& program, const TileShape& shape);
int64_t scratch_numbers(const Program& program, const TileShape& shape);

/// Returns the instructions of a rate whose values a faster rate or an output
/// uses: what is packed.
std::vector<int> packed_values(const Program& program, Rate rate);

/// Returns the numbers that the packed values of one position take.
int64_t packed_elements(const Program& program, Rate rate);

/// Returns the axes of a program that are loops at run time, by name, with
/// their extents. All other extents are constants in the code.
std::map<std::string, int64_t> long_axes(const Program& program,
                                         const TileShape& shape);

/// Returns a text that two programs share only if their code is the same: their
/// structure, and the extents that are constants in the code.
std::string code_key(const Program& program, const TileShape& shape);

/// Prints the plan.
std::string to_text(const Plan& plan);

}  // namespace gramless
