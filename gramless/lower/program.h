// SPDX-License-Identifier: MIT
// A program: the instructions of one sweep over all pairs, in order, each at
// the rate at which its value changes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gramless/ir/map_reduce.h"

namespace gramless {

/// What an output keeps of the two pair axes: i of the map-reduce are the rows
/// of a program, j its columns. It is reduced over the rest.
enum class Kept : uint8_t { rows, columns, neither };

/// Returns `rows`, `columns` or `neither`.
std::string_view kept_name(Kept kept);

/// How often a value is computed.
enum class Rate : uint8_t { call, row, column, pair };

/// A value as it is used: `v3[d']`. The value's own axes, in order, stand where
/// `axes` of the user stand.
struct Use {
  int value = 0;  // An instruction.
  std::vector<Axis> axes = {};

  auto operator<=>(const Use&) const = default;
};

/// Computes one value: a block of numbers over its feature axes. Operands
/// that lack an axis are repeated along it.
struct Instruction {
  NodeKind kind = NodeKind::constant;
  Rate rate = Rate::call;
  /// The feature axes of the value, in order.
  std::vector<Axis> axes;
  /// Earlier values. For `sum`, the factors of the product to sum.
  std::vector<Use> operands;
  double value = 0;                   // constant, power, power0
  Function function = Function::exp;  // function
  std::size_t argument = 0;           // load: a position among the arguments
  std::vector<Index> indices;         // load: behind i and j
  Axis axis;                          // sum
};

/// What makes a result of a settled state: a `load` is of one of its words, and
/// the last instruction is the result.
using Finish = std::vector<Instruction>;

struct ProgramOutput {
  /// The position of its first result among those of the map-reduce; one
  /// finish for each.
  std::size_t output = 0;
  std::vector<Finish> finishes;
  Reduction reduction = Reduction::sum;
  Kept kept = Kept::rows;
  Use value = {};  // At the axes of the result.
  /// The same, of a reduction with a scale. The value depends on the scale of
  /// the block that it belongs to.
  Use bound = {};
  /// What the sum is multiplied by: it depends on the kept axis, or on none.
  std::optional<Use> factor = {};

  /// Calls `visit` for each value that is used.
  template <class Output, class Visit>
  static void for_each_use(Output& output, const Visit& visit) {
    visit(output.value);
    if (row_of(output.reduction).has_scale) visit(output.bound);
    if (output.factor) visit(*output.factor);
  }
};

/// One sweep over all pairs. Tiles stand on the axis that the sweep keeps, and
/// go along the other one, which it reduces. Outputs keep the axis that the
/// sweep keeps, or neither; sums may also keep the other one.
struct Program {
  Kept kept = Kept::rows;
  std::vector<ArraySpec> arguments;
  std::vector<ArraySpec> results;  // Of all sweeps.
  std::vector<Instruction> instructions;
  std::vector<ProgramOutput> outputs;
  /// A text that two programs share only if they differ in no more than names
  /// of arrays and extents of axes.
  std::string structure;
};

/// Returns the use of a value at its own axes.
Use use_of(const Program& program, int value);

/// Returns the rate of the values that the kept axis alone changes, and that of
/// the other axis.
Rate kept_rate(const Program& program);
Rate reduced_rate(const Program& program);

/// Returns the axis that is not this one.
Kept other_axis(Kept kept);

/// Returns whether an output keeps the axis that its sweep reduces.
bool is_crossed(const Program& program, const ProgramOutput& output);
bool has_crossed_outputs(const Program& program);

/// Lowers a map-reduce to one program for each pair axis that is kept: at most
/// two. Products are split by rate, so that what depends on a row alone is
/// computed once for each row, and so on. Values that differ in the
/// primes of their axes alone, such as `x0[i,d]` and `x0[i,d']`, are one
/// instruction.
/// With `has_outer_factors`, what gradients have as a factor of all terms of a
/// sum multiplies the sum.
std::vector<Program> lower(const MapReduce& map_reduce,
                           bool has_outer_factors = false);

/// Returns whether a map-reduce has sums alone, of which some keep the rows and
/// some the columns: one sweep can compute them all.
bool has_crossed_sums(const MapReduce& map_reduce);

/// Lowers such a map-reduce to one program, in a sweep that keeps an axis.
Program lower_crossed(const MapReduce& map_reduce, Kept kept,
                      bool has_outer_factors);

/// Returns whether an instruction loads the scale of a block of terms. Its
/// `argument` is one behind the last.
bool loads_scale(const Program& program, const Instruction& instruction);

/// Returns the instructions that change with the scale of a block.
std::vector<bool> scaled_values(const Program& program);

/// Returns the arithmetic operations of a rate, for one position: a product
/// that is added costs one less than its factors, as its last multiplication is
/// fused. A function or a power counts as `cost` says, or as one.
int64_t operations(const Program& program, Rate rate,
                   const std::function<int64_t(const Instruction&)>& cost = {});

/// Returns a program without the instructions that no output needs.
Program without_unused(const Program& program);

/// Returns what `structure` of a program is to be.
std::string structure_text(const Program& program);

/// Prints a program, sorted by rate.
std::string to_text(const Program& program);

}  // namespace gramless
