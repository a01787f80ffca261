// SPDX-License-Identifier: MIT
// Emits, for each block of at most 64 terms,
//
//   for positions of the reduced axis in the block
//     the values of all pairs of a block, reduced in the accumulators
//   the accumulators, combined with the states of all blocks
//
// Accumulators are registers where there are few, otherwise the memory `block`;
// but those of many elements that share the values of their pairs are registers
// in loops of their own: see codegen/many_elements_code.h.
// Those of crossed outputs are the memory `crossed`, which all tiles of some
// rows add to. Outputs with a scale go over the block twice: see
// codegen/scaled_code.h.
#include "gramless/codegen/tile_code.h"

#include <set>

#include "gramless/codegen/many_elements_code.h"
#include "gramless/codegen/scaled_code.h"
#include "gramless/codegen/sweep_code.h"
#include "gramless/codegen/tile_steps.h"
#include "gramless/error.h"
#include "gramless/plan/stored_values.h"

namespace gramless {
namespace {

class TileCode {
 public:
  TileCode(GeneratedModule& generated, const Program& program,
           const TileShape& shape, bool is_rest)
      : program_(program),
        shape_(shape),
        steps_(generated, program, shape, is_rest ? kRestTile : kTile),
        ir_(steps_.ir()),
        is_cuda_(generated.target.is_cuda),
        masks_(rows(), is_rest ? steps_.kept_mask() : nullptr) {
    if (is_cuda_ && has_sums_over_rows(program)) {
      for (std::size_t row = 0; row < rows(); ++row) {
        masks_[row] = steps_.does_row_count(row);
      }
    }
    lay_out_elements();
  }

  void emit() {
    llvm::BasicBlock* first = ir_.GetInsertBlock();
    if (!in_registers_) clear_block();
    llvm::Value* none = ir_.getInt64(0);
    const int64_t length = block_positions(program_, shape_);
    if (is_cuda_ && length == steps_.unit() * shape_.reduced_unroll) {
      llvm::Value* rest = ir_.CreateURem(
          steps_.count(), ir_.getInt64(static_cast<uint64_t>(length)));
      llvm::Value* whole = ir_.CreateSub(steps_.count(), rest);
      emit_blocks({none, whole, length});
      emit_blocks({whole, steps_.count(), steps_.unit()});
    } else {
      emit_blocks({none, steps_.count()}, length);
    }
    steps_.finish(first);
  }

 private:
  /// Emits the loop over blocks of one length, of which the last one may be
  /// shorter if the range does not tell it.
  void emit_blocks(const BlockRange& range, int64_t at_most = 0) {
    const int64_t known = range.length > 0 ? range.length : at_most;
    llvm::Value* length = ir_.getInt64(static_cast<uint64_t>(known));
    emit_loop(ir_, {range.begin, range.end, length}, {},
              [&](llvm::Value* begin, const Registers&) -> Registers {
                llvm::Value* end = ir_.CreateAdd(begin, length);
                if (range.length == 0) {
                  llvm::Value* is_last = ir_.CreateICmpSGT(end, range.end);
                  end = ir_.CreateSelect(is_last, range.end, end);
                }
                emit_block({begin, end, range.length});
                return {};
              });
  }

  /// Where an output's elements stand among all that keep the same, and its
  /// accumulators:
  /// those of an element and row after another, with all words of each.
  struct Elements {
    llvm::Value* first;
    llvm::Value* count;
    llvm::Value* first_accumulator;
    /// The same, if all accumulators are registers.
    std::size_t first_register;
  };

  [[nodiscard]] std::size_t rows() const {
    return static_cast<std::size_t>(shape_.kept_unroll);
  }
  [[nodiscard]] std::size_t outputs() const { return program_.outputs.size(); }
  [[nodiscard]] const ProgramOutput& output(std::size_t k) const {
    return program_.outputs[k];
  }
  [[nodiscard]] bool is_scaled(std::size_t k) const {
    return row_of(output(k).reduction).has_scale;
  }
  [[nodiscard]] bool is_crossed(std::size_t k) const {
    return gramless::is_crossed(program_, output(k));
  }
  [[nodiscard]] bool has_many_elements(std::size_t k) const {
    return gramless::has_many_elements(program_, output(k), shape_);
  }
  [[nodiscard]] bool is_shared(std::size_t k) const {
    return output(k).kept == Kept::neither;
  }
  [[nodiscard]] const ArraySpec& array(std::size_t k) const {
    return program_.results[output(k).output];
  }

  /// Whether an output has accumulators for one block.
  [[nodiscard]] bool has_accumulators(std::size_t k) const {
    return gramless::has_accumulators(program_, output(k), shape_);
  }

  /// Finds the elements of each output, and whether all accumulators are
  /// registers.
  void lay_out_elements() {
    llvm::IRBuilder<>& ahead = steps_.ahead();
    llvm::Value* kept_elements = ahead.getInt64(0);
    llvm::Value* shared_elements = ahead.getInt64(0);
    crossed_elements_ = ahead.getInt64(0);
    llvm::Value* accumulator = ahead.getInt64(0);
    bool is_fixed = true;
    std::size_t registers = 0;
    for (std::size_t k = 0; k < outputs(); ++k) {
      llvm::Value* count = ahead.getInt64(1);
      for (const Axis& axis : array(k).features) {
        count = ahead.CreateMul(count, steps_.extents().of(axis));
        if (has_accumulators(k)) {
          is_fixed = is_fixed && shape_.is_unrolled(axis);
        }
      }
      llvm::Value*& behind = is_crossed(k)  ? crossed_elements_
                             : is_shared(k) ? shared_elements
                                            : kept_elements;
      elements_.push_back({behind, count, accumulator, registers});
      behind = ahead.CreateAdd(behind, count);
      if (!has_accumulators(k)) continue;
      const std::size_t words = rows() * identity(k).size();
      accumulator = ahead.CreateAdd(
          accumulator, ahead.CreateMul(count, ahead.getInt64(words)));
      if (!is_fixed) continue;
      registers += static_cast<std::size_t>(array(k).width()) * words;
    }
    in_registers_ = is_fixed && registers <= kMostAccumulators;
    accumulators_ = in_registers_ ? registers : 0;
  }

  Registers identity(std::size_t k) {
    return steps_.reductions().identity(output(k).reduction);
  }

  void emit_block(const BlockRange& range) {
    Registers initial;
    bool has_plain = false;
    std::set<int> shared;  // By the elements of an output.
    for (std::size_t k = 0; k < outputs(); ++k) {
      if (is_scaled(k)) {
        if (is_shared(k))
          throw InternalError("TileCode: a logarithm must keep an axis.");
        emit_scaled(steps_, output(k), elements_[k].first, range);
        continue;
      }
      has_plain = true;
      if (has_many_elements(k)) {
        const std::vector<int> values =
            stored_values(program_, output(k), shape_);
        shared.insert(values.begin(), values.end());
      }
      if (!has_accumulators(k)) continue;
      const Registers state = identity(k);
      const std::size_t end =
          k + 1 < outputs() ? elements_[k + 1].first_register : accumulators_;
      while (in_registers_ && initial.size() < end) {
        initial.insert(initial.end(), state.begin(), state.end());
      }
    }
    if (!has_plain) return;
    StoredBlock stored(steps_, range, {shared.begin(), shared.end()});
    const Registers sums = steps_.run(
        range, initial,
        [&](BlockCode& code, const TileStep& step, const Registers& carried) {
          sums_ = carried;
          stored.store(code, step);
          for (std::size_t k = 0; k < outputs(); ++k) {
            if (is_crossed(k)) {
              emit_crossed(code, k, step);
            } else if (has_accumulators(k)) {
              emit_output(code, k, step, range.begin);
            }
          }
          return sums_;
        });
    for (std::size_t k = 0; k < sums.size(); ++k) {
      steps_.memory().store(sums[k], accumulator_at(ir_.getInt64(k)));
    }
    for (std::size_t k = 0; k < outputs(); ++k) {
      if (has_accumulators(k)) emit_flush(k, range.begin);
      if (has_many_elements(k)) {
        emit_many_elements(steps_, output(k), elements_[k].first, range,
                           stored);
      }
    }
  }

  void emit_output(BlockCode& code, std::size_t k, const TileStep& step,
                   llvm::Value* begin) {
    const std::size_t words = identity(k).size();
    std::size_t fixed = elements_[k].first_register;
    code.for_each_position(array(k).features, output(k).value, [&] {
      const BlockCode::Product term = code.product_of(output(k).value);
      for (std::size_t row = 0; row < rows(); ++row) {
        const auto reduce = [&](const Registers& state) {
          return reduced(k, state, term, static_cast<int>(row), step, begin);
        };
        if (in_registers_) {
          const auto at = sums_.begin() + static_cast<std::ptrdiff_t>(fixed);
          const Registers after =
              reduce({at, at + static_cast<std::ptrdiff_t>(words)});
          std::copy(after.begin(), after.end(), at);
          fixed += words;
          continue;
        }
        llvm::Value* index =
            index_of_state(code.element(array(k).features), row);
        store_block(k, index, reduce(load_block(k, index)));
      }
    });
  }

  /// Adds the terms of all rows to those that tiles before have added.
  void emit_crossed(BlockCode& code, std::size_t k, const TileStep& step) {
    TileShape shape = shape_;
    shape.reduced_unroll = step.registers;
    code.for_each_position(array(k).features, output(k).value, [&] {
      const BlockCode::Product term = code.product_of(output(k).value);
      const bool is_product = !term.second.registers.empty();
      llvm::Value* element =
          ir_.CreateAdd(elements_[k].first, code.element(array(k).features));
      for (int reduced = 0; reduced < step.registers; ++reduced) {
        llvm::Value* position = ir_.CreateAdd(
            step.index, ir_.getInt64(static_cast<uint64_t>(reduced)));
        llvm::Value* address = steps_.memory().register_at(
            steps_.crossed(),
            ir_.CreateAdd(ir_.CreateMul(position, crossed_elements_), element));
        llvm::Value* sum = steps_.memory().load(steps_.type(), address);
        for (int row = 0; row < shape_.kept_unroll; ++row) {
          llvm::Value* after = steps_.reductions().add(
              output(k).reduction, {sum},
              {term.first.at(row, reduced, shape),
               is_product ? term.second.at(row, reduced, shape) : nullptr,
               nullptr})[0];
          llvm::Value* mask = masks_[static_cast<std::size_t>(row)];
          sum = mask == nullptr ? after : ir_.CreateSelect(mask, after, sum);
        }
        steps_.memory().store(sum, address);
      }
    });
  }

  /// Reduces the terms of one row, in the order of the reduced axis.
  Registers reduced(std::size_t k, Registers state,
                    const BlockCode::Product& term, int row,
                    const TileStep& step, llvm::Value* begin) {
    TileShape shape = shape_;
    shape.reduced_unroll = step.registers;
    const Reduction reduction = output(k).reduction;
    for (int reduced = 0; reduced < step.registers; ++reduced) {
      const bool is_product = !term.second.registers.empty();
      const Registers after = steps_.reductions().add(
          reduction, state,
          {term.first.at(row, reduced, shape),
           is_product ? term.second.at(row, reduced, shape) : nullptr,
           row_of(reduction).has_index ? steps_.positions(step, begin, reduced)
                                       : nullptr});
      for (std::size_t word = 0; word < state.size(); ++word) {
        state[word] =
            step.mask == nullptr
                ? after[word]
                : ir_.CreateSelect(step.mask, after[word], state[word]);
      }
    }
    return state;
  }

  // The accumulators in memory. The index of a state counts the elements and
  // rows of its output.

  llvm::Value* index_of_state(llvm::Value* element, std::size_t row) {
    return ir_.CreateAdd(ir_.CreateMul(element, ir_.getInt64(rows())),
                         ir_.getInt64(row));
  }

  llvm::Value* accumulator_at(llvm::Value* accumulator) {
    return steps_.memory().register_at(steps_.block(), accumulator);
  }

  llvm::Value* word_at(std::size_t k, llvm::Value* index, std::size_t word) {
    llvm::Value* behind =
        ir_.CreateMul(index, ir_.getInt64(identity(k).size()));
    return accumulator_at(
        ir_.CreateAdd(ir_.CreateAdd(elements_[k].first_accumulator, behind),
                      ir_.getInt64(word)));
  }

  Registers load_block(std::size_t k, llvm::Value* index) {
    Registers state;
    for (std::size_t word = 0; word < identity(k).size(); ++word) {
      state.push_back(
          steps_.memory().load(steps_.type(), word_at(k, index, word)));
    }
    return state;
  }

  void store_block(std::size_t k, llvm::Value* index, const Registers& state) {
    for (std::size_t word = 0; word < state.size(); ++word) {
      steps_.memory().store(state[word], word_at(k, index, word));
    }
  }

  void for_each_state(std::size_t k,
                      const std::function<void(llvm::Value* index)>& body) {
    llvm::Value* end = index_of_state(elements_[k].count, 0);
    emit_loop(ir_, {ir_.getInt64(0), end, ir_.getInt64(1)}, {},
              [&](llvm::Value* index, const Registers&) -> Registers {
                body(index);
                return {};
              });
  }

  void clear_block() {
    for (std::size_t k = 0; k < outputs(); ++k) {
      if (!has_accumulators(k)) continue;
      for_each_state(
          k, [&](llvm::Value* index) { store_block(k, index, identity(k)); });
    }
  }

  /// Combines the states of all blocks with those of this one, and clears it.
  void emit_flush(std::size_t k, llvm::Value* begin) {
    llvm::Value* first = index_of_state(elements_[k].first, 0);
    const auto combine = [&](const Registers& state, const WordAddress& words) {
      steps_.reductions().combine(output(k).reduction, state,
                                  ir_.CreateAdd(steps_.first(), begin), words);
    };
    const auto flush = [&](llvm::Value* index, llvm::Value* factor) {
      combine(taken_block(k, index, factor),
              steps_.words_at(ir_.CreateAdd(first, index)));
    };
    if (!output(k).factor && !is_shared(k)) {
      for_each_state(k, [&](llvm::Value* index) { flush(index, nullptr); });
      return;
    }
    for_each_element(k, [&](llvm::Value* element, const BlockValue& factor) {
      for (std::size_t row = 0; row < rows(); ++row) {
        llvm::Value* index = index_of_state(element, row);
        llvm::Value* times = output(k).factor
                                 ? factor.at(static_cast<int>(row), 0, shape_)
                                 : nullptr;
        if (!is_shared(k)) {
          flush(index, times);
          continue;
        }
        Registers state = taken_block(k, index, times);
        if (masks_[row] != nullptr) {
          state[0] = ir_.CreateSelect(masks_[row], state[0], identity(k)[0]);
        }
        combine(state, steps_.shared_words_at(
                           ir_.CreateAdd(elements_[k].first, element)));
      }
    });
  }

  /// Returns the state of this block, times a factor if there is one, and
  /// clears it.
  Registers taken_block(std::size_t k, llvm::Value* index,
                        llvm::Value* factor) {
    Registers state = load_block(k, index);
    if (!in_registers_) store_block(k, index, identity(k));
    if (factor != nullptr) state[0] = ir_.CreateFMul(state[0], factor);
    return state;
  }

  /// Calls `body` for each element of an output, in a loop, with the factor of
  /// its sum if there is one.
  void for_each_element(
      std::size_t k,
      const std::function<void(llvm::Value* element, const BlockValue& factor)>&
          body) {
    if (!output(k).factor) {
      emit_loop(ir_, {ir_.getInt64(0), elements_[k].count, ir_.getInt64(1)}, {},
                [&](llvm::Value* element, const Registers&) -> Registers {
                  body(element, {});
                  return {};
                });
      return;
    }
    steps_.for_each_kept(array(k).features, *output(k).factor,
                         [&](BlockCode& code, const BlockValue& factor) {
                           body(code.element(array(k).features), factor);
                         });
  }

  const Program& program_;
  TileShape shape_;
  TileSteps steps_;
  llvm::IRBuilder<>& ir_;
  bool is_cuda_;
  /// For each row, the lanes that count for sums over the rows, or null for
  /// all.
  Registers masks_;
  std::vector<Elements> elements_;
  llvm::Value* crossed_elements_ = nullptr;
  bool in_registers_ = false;
  std::size_t accumulators_ = 0;
  Registers sums_;
};

}  // namespace

void emit_tile(GeneratedModule& generated, const Program& program,
               const TileShape& shape) {
  TileCode(generated, program, shape, /*is_rest=*/false).emit();
}

void emit_rest_tile(GeneratedModule& generated, const Program& program,
                    const TileShape& shape) {
  TileCode(generated, program, rest_of(shape), /*is_rest=*/true).emit();
}

}  // namespace gramless
