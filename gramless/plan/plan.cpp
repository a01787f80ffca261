// SPDX-License-Identifier: MIT
// Chooses plans. The tuned numbers stand here.
#include "gramless/plan/plan.h"

#include <algorithm>
#include <set>

#include "gramless/base/integers.h"
#include "gramless/base/text.h"
#include "gramless/plan/stored_values.h"

namespace gramless {
namespace {

// Tuned on x86-64 with AVX2 and AVX-512, float32 and float64, two cores.

/// Elements of one value above which its axes are loops: the code of an
/// unrolled program grows with them.
constexpr int64_t kMostUnrolledElements = 64;
constexpr int64_t kLongestUnrolled = 16;
constexpr int64_t kLongestUnrolledOfLarge = 4;
/// Bytes of a chunk of the reduced axis: a part of the second-level cache.
constexpr int64_t kChunkBytes = int64_t{1} << 17;
/// Elements that packing a chunk goes over, at most, where it takes longer than
/// the pairs: threads share chunks.
constexpr int64_t kChunkWork = int64_t{1} << 16;
/// Elements that a sweep goes over, below which it is small. Those that are
/// packed count several times: they come from memory, not in whole vectors.
constexpr double kSmallWork = 1 << 21;
constexpr double kPackedWork = 16;
/// Bytes of what is kept of the pairs of a block, a part of the first-level
/// cache, and the terms that a block has nevertheless.
constexpr int64_t kScratchBytes = int64_t{1} << 15;
constexpr int64_t kLeastBlockTerms = 16;
/// Bytes of the whole reduced axis, up to which it is packed once.
constexpr int64_t kPackedOnceBytes = int64_t{1} << 25;
/// Tasks that a large call is cut into, at least, and the pairs worth a task.
constexpr int64_t kTasks = 64;
constexpr int64_t kTaskPairs = int64_t{1} << 16;
/// Rows of a task at most.
constexpr int64_t kTaskRows = 1024;
/// Bytes of the states that parts of the kept axis have for crossed outputs.
constexpr int64_t kBandBytes = int64_t{1} << 22;
/// Tasks of a sweep with crossed outputs, at least, and tiles of a task.
constexpr int64_t kCrossedTasks = 16;
constexpr int64_t kLeastTaskTiles = 4;

/// Elements of outputs whose states leave no room for others in the first-level
/// cache, where a tile has four vectors of rows.
constexpr int64_t kManyElements = 24;

/// Returns the elements that an instruction goes over: those of its value,
/// times those of the axis that it sums over.
int64_t work_elements(const Instruction& instruction) {
  int64_t elements = instruction.kind == NodeKind::sum
                         ? std::max<int64_t>(1, instruction.axis.extent)
                         : 1;
  for (const Axis& axis : instruction.axes) elements *= axis.extent;
  return elements;
}

/// Returns the elements that the instructions of a rate go over.
int64_t work_elements(const Program& program, Rate rate) {
  int64_t elements = 0;
  for (const Instruction& instruction : program.instructions) {
    if (instruction.rate == rate) elements += work_elements(instruction);
  }
  return elements;
}

int64_t most_elements(const Program& program) {
  int64_t largest = 1;
  for (const Instruction& instruction : program.instructions) {
    largest = std::max(largest, work_elements(instruction));
  }
  return largest;
}

/// Returns whether a value of a pair has more elements than axes are unrolled
/// for, beside those of outputs that are summed a few elements at a time.
bool is_long(const Program& program, const TileShape& shape) {
  std::set<int> summed;
  for (const ProgramOutput& output : program.outputs) {
    if (has_many_elements(program, output, shape)) {
      summed.insert(output.value.value);
    }
  }
  for (std::size_t k = 0; k < program.instructions.size(); ++k) {
    if (summed.contains(static_cast<int>(k))) continue;
    if (work_elements(program.instructions[k]) > shape.longest_unrolled) {
      return true;
    }
  }
  return false;
}

bool has_long_sum(const Program& program, int64_t longest) {
  return std::any_of(program.instructions.begin(), program.instructions.end(),
                     [&](const Instruction& instruction) {
                       return instruction.kind == NodeKind::sum &&
                              instruction.rate == Rate::pair &&
                              instruction.axis.extent > longest;
                     });
}

/// Returns whether what a pair sums over long axes are packed values, as in a
/// product of matrices.
bool has_packed_terms(const Program& program, int64_t longest) {
  return std::all_of(
      program.instructions.begin(), program.instructions.end(),
      [&](const Instruction& instruction) {
        const bool is_long_sum = instruction.kind == NodeKind::sum &&
                                 instruction.rate == Rate::pair &&
                                 instruction.axis.extent > longest;
        return !is_long_sum ||
               std::all_of(instruction.operands.begin(),
                           instruction.operands.end(), [&](const Use& operand) {
                             const auto k =
                                 static_cast<std::size_t>(operand.value);
                             return program.instructions[k].rate != Rate::pair;
                           });
      });
}

/// Returns whether a pair has a vector that several values are computed of, as
/// x - y in gradients: those of two positions do not fit the registers.
bool keeps_vectors(const Program& program) {
  std::vector<int> users(program.instructions.size());
  const auto use = [&](const std::set<int>& values) {
    for (const int value : values) ++users[static_cast<std::size_t>(value)];
  };
  for (const Instruction& instruction : program.instructions) {
    std::set<int> values;
    for (const Use& operand : instruction.operands)
      values.insert(operand.value);
    use(values);
  }
  for (const ProgramOutput& output : program.outputs) use({output.value.value});
  for (std::size_t k = 0; k < users.size(); ++k) {
    const Instruction& instruction = program.instructions[k];
    const bool is_vector = instruction.rate == Rate::pair &&
                           instruction.kind != NodeKind::load &&
                           !instruction.axes.empty();
    if (is_vector && users[k] > 1) return true;
  }
  return false;
}

template <class Visit>
void for_each_axis(const Program& program, const Visit& visit) {
  for (const Instruction& instruction : program.instructions) {
    for (const Axis& axis : instruction.axes) visit(axis);
    if (instruction.kind == NodeKind::sum) visit(instruction.axis);
  }
  for (const ArraySpec& array : program.arguments) {
    for (const Axis& axis : array.features) visit(axis);
  }
  for (const ProgramOutput& output : program.outputs) {
    for (const Axis& axis : program.results[output.output].features) {
      visit(axis);
    }
  }
}

class Planner {
 public:
  Planner(const Program& program, SweepSizes sizes, DType dtype,
          int vector_bytes, const PlanOverrides& overrides, bool has_reasons)
      : program_(program),
        sizes_(sizes),
        overrides_(overrides),
        has_reasons_(has_reasons) {
    plan_.tile.dtype = dtype;
    plan_.tile.lanes = overrides.lanes.value_or(
        vector_bytes / static_cast<int>(dtype_size(dtype)));
  }

  Plan make() {
    choose_axes();
    choose_lanes();
    choose_schedule();
    plan_.schedule.is_small = packed_work() + pair_work() < kSmallWork;
    return std::move(plan_);
  }

 private:
  template <class... Parts>
  void because(const Parts&... parts) {
    if (has_reasons_) plan_.reasons.push_back(concat(parts...));
  }

  [[nodiscard]] std::string_view kept_axis() const {
    return kept_name(program_.kept);
  }

  [[nodiscard]] std::string_view reduced_axis() const {
    return kept_name(program_.kept == Kept::rows ? Kept::columns : Kept::rows);
  }

  /// Return how many elements are gone over to pack all positions, and for all
  /// pairs: see kPackedWork.
  [[nodiscard]] double packed_work() const {
    return kPackedWork * (work_of(sizes_.kept, kept_rate(program_)) +
                          work_of(sizes_.reduced, reduced_rate(program_)));
  }
  [[nodiscard]] double pair_work() const {
    return static_cast<double>(sizes_.kept) *
           work_of(sizes_.reduced, Rate::pair);
  }
  [[nodiscard]] double work_of(int64_t count, Rate rate) const {
    return static_cast<double>(count) *
           static_cast<double>(work_elements(program_, rate));
  }

  void choose_axes() {
    TileShape& tile = plan_.tile;
    const int64_t elements = most_elements(program_);
    tile.longest_unrolled = overrides_.longest_unrolled.value_or(
        elements > kMostUnrolledElements ? kLongestUnrolledOfLarge
                                         : kLongestUnrolled);
    because("axes of up to ", tile.longest_unrolled,
            " are unrolled: the largest value has ", elements, " elements");
  }

  void choose_lanes() {
    TileShape& tile = plan_.tile;
    const bool is_free = !has_crossed_outputs(program_);
    tile.lanes_along_kept = !is_free || overrides_.lanes_along_kept.value_or(
                                            sizes_.kept >= tile.lanes ||
                                            sizes_.reduced < tile.lanes);
    because("vector lanes run along ",
            tile.lanes_along_kept ? kept_axis() : reduced_axis(),
            ": there are ", sizes_.kept, " ", kept_axis());
    const int64_t elements = output_width(program_);
    choose_unroll();
    const int64_t unit = tile.lanes_along_kept ? tile.lanes : 1;
    while (tile.kept_unroll > 1 &&
           sizes_.kept <= unit * (tile.kept_unroll - 1)) {
      --tile.kept_unroll;
    }
    if (stored_registers(program_, tile) > 0) {
      because("blocks of ", block_positions(program_, tile),
              " positions are gone over twice; values stored for a pair: ",
              stored_registers(program_, tile) / tile.kept_unroll);
    }
    because("a tile spans ", tile.rows(), " ", kept_axis(), " by ",
            tile.reduced_unroll * (tile.lanes_along_kept ? 1 : tile.lanes), " ",
            reduced_axis(), "; accumulated elements: ", elements);
  }

  /// Several rows share the loads of a position, and independent chains of
  /// instructions hide each other's latency; a loop's sums must fit registers.
  void choose_unroll() {
    TileShape& tile = plan_.tile;
    if (has_long_sum(program_, tile.longest_unrolled)) {
      const bool is_matrix_product =
          has_packed_terms(program_, tile.longest_unrolled);
      // Sums of all pairs of a tile, with 32 registers or with 16. On AVX2, D =
      // 100, 16 sums are 0.7 times as fast as 12.
      const bool has_few_registers = register_bytes() == 32;
      tile.kept_unroll = !is_matrix_product ? 3 : has_few_registers ? 6 : 4;
      tile.reduced_unroll = is_matrix_product && !has_few_registers ? 4 : 2;
    } else if (is_long(program_, tile) ||
               kept_width(program_) >= kManyElements) {
      tile.kept_unroll = 2;
      tile.reduced_unroll = 4;
    } else if (has_crossed_outputs(program_)) {
      // Five rows by one, three by two and two by two are within 5% of it.
      tile.kept_unroll = 4;
      tile.reduced_unroll = 1;
    } else if (keeps_vectors(program_)) {
      // On AVX-512, gradients of a gaussian, D = 3, are 1.15 times as fast as
      // with four rows and two positions, second derivatives 1.2 times.
      tile.kept_unroll = 5;
      tile.reduced_unroll = 1;
    } else {
      tile.kept_unroll = fitting_unroll();
      tile.reduced_unroll = 2;
    }
    tile.kept_unroll = overrides_.kept_unroll.value_or(tile.kept_unroll);
    tile.reduced_unroll =
        overrides_.reduced_unroll.value_or(tile.reduced_unroll);
  }

  /// Returns the registers of rows for a tile: four, or up to seven where so
  /// few rows leave much of the last tile unused otherwise. 100 rows take seven
  /// vectors of 16, and run 1.15 times as fast with one tile of them.
  [[nodiscard]] int fitting_unroll() const {
    const TileShape& tile = plan_.tile;
    const int64_t vectors =
        ceil_divide(sizes_.kept, tile.lanes_along_kept ? tile.lanes : 1);
    const auto unused = [&](int unroll) {
      return round_up(vectors, unroll) - vectors;
    };
    constexpr int kUsual = 4;
    if (16 * unused(kUsual) <= vectors) return kUsual;
    int best = kUsual;
    for (int unroll = kUsual + 1; unroll <= 7; ++unroll) {
      if (unused(unroll) < unused(best)) best = unroll;
    }
    return best;
  }

  /// Bytes of a register.
  [[nodiscard]] int64_t register_bytes() const {
    return plan_.tile.lanes * dtype_size(plan_.tile.dtype);
  }

  void choose_schedule() {
    Schedule& schedule = plan_.schedule;
    const TileShape& tile = plan_.tile;
    const Rate rate = reduced_rate(program_);
    const int64_t bytes =
        std::max<int64_t>(1, packed_elements(program_, rate)) *
        dtype_size(tile.dtype);
    int64_t chunk = kChunkBytes / bytes;
    if (packed_work() > pair_work()) {
      const int64_t work = std::max<int64_t>(1, work_elements(program_, rate));
      chunk = std::min(chunk, kChunkWork / work);
    }
    schedule.chunk = overrides_.chunk.value_or(
        std::clamp<int64_t>(chunk, tile.block(), 1 << 15));
    const int64_t most = std::max<int64_t>(1, sizes_.reduced);
    schedule.chunk = round_up(std::min(schedule.chunk, most), tile.block());
    schedule.is_packed_once = bytes * sizes_.reduced <= kPackedOnceBytes;
    const int64_t rows = std::max<int64_t>(1, sizes_.kept);
    if (has_crossed_outputs(program_)) {
      choose_bands(rows);
      return;
    }
    schedule.task_rows =
        round_up(std::clamp<int64_t>(ceil_divide(rows, kTasks), 1, kTaskRows),
                 tile.rows());
    choose_splits(ceil_divide(rows, schedule.task_rows));
    because(reduced_axis(), " are packed ",
            schedule.is_packed_once ? "once" : "by each task",
            ", in chunks of ", schedule.chunk, " of ", bytes, " bytes each");
  }

  /// The sums of a chunk's positions stay in the first-level cache for all
  /// tiles of a task, of which each adds a term for each of its registers.
  void choose_bands(int64_t rows) {
    Schedule& schedule = plan_.schedule;
    const TileShape& tile = plan_.tile;
    schedule.chunk =
        round_up(overrides_.chunk.value_or(tile.block()), tile.block());
    const int64_t most = std::max<int64_t>(1, kBlockTerms / tile.kept_unroll);
    const int64_t tiles =
        std::clamp(ceil_divide(rows, tile.rows() * kCrossedTasks),
                   std::min(kLeastTaskTiles, most), most);
    schedule.task_rows = tiles * tile.rows();
    const int64_t reduced = std::max<int64_t>(1, sizes_.reduced);
    schedule.split_length = round_up(reduced, schedule.chunk);
    const int64_t tasks = ceil_divide(rows, schedule.task_rows);
    const int64_t bytes =
        crossed_width(program_) * reduced * dtype_size(DType::float64);
    const int64_t wanted =
        ceil_divide(kCrossedTasks, ceil_divide(reduced, schedule.chunk));
    schedule.bands = overrides_.splits.value_or(std::clamp<int64_t>(
        kBandBytes / std::max<int64_t>(1, bytes), 1, wanted));
    schedule.bands = std::min(schedule.bands, tasks);
    because("tasks: ", tasks, " of ", schedule.task_rows, " ", kept_axis(),
            ", in ", schedule.bands,
            " bands; one after another in a band adds "
            "to the sums of ",
            schedule.chunk, " ", reduced_axis());
  }

  void choose_splits(int64_t row_tasks) {
    Schedule& schedule = plan_.schedule;
    const int64_t reduced = std::max<int64_t>(1, sizes_.reduced);
    const int64_t worth = ceil_divide(
        reduced * std::min(sizes_.kept, schedule.task_rows), kTaskPairs);
    const int64_t wanted = (kTasks + row_tasks / 2) / row_tasks;
    schedule.splits = overrides_.splits.value_or(std::clamp<int64_t>(
        std::min(wanted, worth), 1, ceil_divide(reduced, schedule.chunk)));
    schedule.split_length =
        round_up(ceil_divide(reduced, schedule.splits), schedule.chunk);
    schedule.splits = ceil_divide(reduced, schedule.split_length);
    because("tasks: ", row_tasks, " of ", schedule.task_rows, " ", kept_axis(),
            ", times ", schedule.splits, " of ", schedule.split_length, " ",
            reduced_axis());
  }

  const Program& program_;
  SweepSizes sizes_;
  const PlanOverrides& overrides_;
  const bool has_reasons_;
  Plan plan_;
};

}  // namespace

int64_t TileShape::rows() const {
  return int64_t{kept_unroll} * (lanes_along_kept ? lanes : 1);
}

int64_t TileShape::block() const {
  return block_terms * (lanes_along_kept ? 1 : lanes);
}

int64_t TileShape::panel_stride(int64_t numbers) const {
  return round_up(numbers, panel_multiple);
}

bool TileShape::is_unrolled(const Axis& axis) const {
  return axis.extent <= longest_unrolled;
}

bool has_sums_over_rows(const Program& program) {
  return shared_width(program) + crossed_width(program) > 0;
}

TileShape rest_of(TileShape shape) {
  shape.reduced_unroll *= shape.kept_unroll;
  shape.kept_unroll = 1;
  return shape;
}

namespace {

int64_t width_of(const Program& program, Kept kept) {
  int64_t elements = 0;
  for (const ProgramOutput& output : program.outputs) {
    if (output.kept != kept) continue;
    elements += program.results[output.output].width();
  }
  return elements;
}

}  // namespace

int64_t kept_width(const Program& program) {
  return width_of(program, program.kept);
}

int64_t shared_width(const Program& program) {
  return width_of(program, Kept::neither);
}

int64_t crossed_width(const Program& program) {
  return width_of(program, other_axis(program.kept));
}

int64_t output_width(const Program& program) {
  return kept_width(program) + shared_width(program);
}

int64_t state_words(const Program& program) {
  std::size_t words = 0;
  for (const ProgramOutput& output : program.outputs) {
    words = std::max(words, row_of(output.reduction).words.size());
  }
  return static_cast<int64_t>(words);
}

int64_t block_positions(const Program& program, const TileShape& shape) {
  const int64_t bytes =
      stored_registers(program, shape) * shape.lanes * dtype_size(shape.dtype);
  int64_t terms = shape.block_terms;
  while (terms > kLeastBlockTerms && terms * bytes > kScratchBytes) terms /= 2;
  return terms * shape.block() / shape.block_terms;
}

int64_t block_numbers(const Program& program, const TileShape& shape) {
  int64_t elements = 0;
  for (const ProgramOutput& output : program.outputs) {
    if (!has_accumulators(program, output, shape)) continue;
    elements += program.results[output.output].width() *
                static_cast<int64_t>(row_of(output.reduction).words.size());
  }
  return elements * shape.kept_unroll * shape.lanes;
}

int64_t scratch_numbers(const Program& program, const TileShape& shape) {
  return stored_registers(program, shape) * shape.lanes * shape.block_terms;
}

std::vector<int> packed_values(const Program& program, Rate rate) {
  std::vector<bool> is_used(program.instructions.size());
  const auto use = [&](int value) {
    is_used[static_cast<std::size_t>(value)] = true;
  };
  for (const Instruction& instruction : program.instructions) {
    if (instruction.rate == rate) continue;
    for (const Use& operand : instruction.operands) use(operand.value);
  }
  for (const ProgramOutput& output : program.outputs) {
    use(output.value.value);
    if (row_of(output.reduction).has_scale) use(output.bound.value);
    if (output.factor) use(output.factor->value);
  }
  std::vector<int> values;
  for (std::size_t k = 0; k < is_used.size(); ++k) {
    const Instruction& instruction = program.instructions[k];
    const bool is_packed = is_used[k] && instruction.rate == rate &&
                           instruction.kind != NodeKind::constant &&
                           instruction.kind != NodeKind::at;
    if (is_packed) values.push_back(static_cast<int>(k));
  }
  return values;
}

int64_t packed_elements(const Program& program, Rate rate) {
  int64_t elements = 0;
  for (const int value : packed_values(program, rate)) {
    int64_t product = 1;
    for (const Axis& axis :
         program.instructions[static_cast<std::size_t>(value)].axes) {
      product *= axis.extent;
    }
    elements += product;
  }
  return elements;
}

std::map<std::string, int64_t> long_axes(const Program& program,
                                         const TileShape& shape) {
  std::map<std::string, int64_t> axes;
  for_each_axis(program, [&](const Axis& axis) {
    if (!shape.is_unrolled(axis)) axes[axis.name] = axis.extent;
  });
  return axes;
}

std::string code_key(const Program& program, const TileShape& shape) {
  std::string key = concat(dtype_name(shape.dtype), " ", shape.lanes,
                           shape.lanes_along_kept ? "k" : "r",
                           shape.kept_unroll, "x", shape.reduced_unroll, " ",
                           shape.longest_unrolled, "\n", program.structure);
  std::map<std::string, int64_t> extents;
  for_each_axis(program, [&](const Axis& axis) {
    if (shape.is_unrolled(axis)) extents[axis.name] = axis.extent;
  });
  for (const auto& [name, extent] : extents) {
    key += concat(name, ":", extent, "\n");
  }
  return key;
}

Plan make_plan(const Program& program, SweepSizes sizes, DType dtype,
               int vector_bytes, const PlanOverrides& overrides,
               bool has_reasons) {
  return Planner(program, sizes, dtype, vector_bytes, overrides, has_reasons)
      .make();
}

std::string to_text(const Plan& plan) {
  std::string text = concat("plan for ", dtype_name(plan.tile.dtype), ", ",
                            plan.tile.lanes, " lanes\n");
  for (const std::string& reason : plan.reasons) {
    text += concat("  ", reason, "\n");
  }
  return text;
}

}  // namespace gramless
