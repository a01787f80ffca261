// SPDX-License-Identifier: MIT
// Implements sums of many elements.
#include "gramless/codegen/many_elements_code.h"

#include "gramless/plan/stored_values.h"

namespace gramless {
namespace {

class ManyElementsCode {
 public:
  ManyElementsCode(TileSteps& steps, const ProgramOutput& output,
                   llvm::Value* element, const BlockRange& range,
                   const StoredBlock& stored)
      : steps_(steps),
        ir_(steps.ir()),
        output_(output),
        axes_(steps.program().results[output.output].features),
        first_element_(element),
        range_(range),
        stored_(stored) {}

  void emit() {
    const std::span<const Axis> outer =
        std::span(axes_).first(axes_.size() - 1);
    BlockCode around = steps_.code_around();
    around.for_each_position(outer, std::nullopt, [&] {
      llvm::Value* extent = steps_.extents().of(axes_.back());
      llvm::Value* first = ir_.CreateAdd(
          first_element_, ir_.CreateMul(around.element(outer), extent));
      const int many = elements_at_once(extent);
      llvm::Value* rest =
          ir_.CreateURem(extent, ir_.getInt64(static_cast<uint64_t>(many)));
      llvm::Value* whole = ir_.CreateSub(extent, rest);
      emit_groups(around.environment(), first, ir_.getInt64(0), whole, many);
      emit_groups(around.environment(), first, whole, extent, 1);
    });
  }

 private:
  /// Returns how many elements of the last axis are summed at once. On a GPU,
  /// code is for one extent, and few elements are not left to single sums.
  int elements_at_once(llvm::Value* extent) {
    const TileShape& shape = steps_.shape();
    int many = gramless::elements_at_once(shape);
    const auto* known = llvm::dyn_cast<llvm::ConstantInt>(extent);
    if (shape.sum_registers == 0 || known == nullptr) return many;
    while (many > 1 && many > known->getSExtValue()) many /= 2;
    return many;
  }

  /// Emits the loop over elements of the last axis, so many at once.
  void emit_groups(const Environment& environment, llvm::Value* first,
                   llvm::Value* begin, llvm::Value* end, int many) {
    llvm::Value* step = ir_.getInt64(static_cast<uint64_t>(many));
    emit_loop(ir_, {begin, end, step}, {},
              [&](llvm::Value* position, const Registers&) -> Registers {
                emit_group(environment, first, position, many);
                return {};
              });
  }

  void emit_group(const Environment& environment, llvm::Value* first,
                  llvm::Value* position, int many) {
    std::vector<Environment> places;
    for (int k = 0; k < many; ++k) {
      places.push_back(environment);
      places.back()[axes_.back()] =
          ir_.CreateAdd(position, ir_.getInt64(static_cast<uint64_t>(k)));
    }
    const auto rows = static_cast<std::size_t>(steps_.shape().kept_unroll);
    const Registers zeros(places.size() * rows,
                          llvm::Constant::getNullValue(steps_.type()));
    const Registers sums = steps_.run(
        range_, zeros,
        [&](BlockCode& code, const TileStep& step, const Registers& before) {
          Registers after = before;
          for (std::size_t k = 0; k < places.size(); ++k) {
            code.at_position(places[k], [&] {
              steps_.add_terms(output_, code, step,
                               std::span(after).subspan(k * rows, rows));
            });
          }
          return after;
        },
        &stored_.pairs());
    for (std::size_t k = 0; k < places.size(); ++k) {
      flush(places[k], ir_.CreateAdd(first, places[k].at(axes_.back())),
            &sums[k * rows]);
    }
  }

  /// Combines the sums of a block with the states of an element.
  void flush(const Environment& place, llvm::Value* element,
             llvm::Value* const* sums) {
    const int rows = steps_.shape().kept_unroll;
    BlockValue factor;
    if (output_.factor) factor = steps_.kept_value(*output_.factor, place);
    for (int row = 0; row < rows; ++row) {
      llvm::Value* sum = sums[row];
      if (output_.factor) {
        sum = ir_.CreateFMul(sum, factor.at(row, 0, steps_.shape()));
      }
      llvm::Value* index = ir_.CreateAdd(
          ir_.CreateMul(element, ir_.getInt64(static_cast<uint64_t>(rows))),
          ir_.getInt64(static_cast<uint64_t>(row)));
      steps_.reductions().combine(output_.reduction, {sum}, nullptr,
                                  steps_.words_at(index));
    }
  }

  TileSteps& steps_;
  llvm::IRBuilder<>& ir_;
  const ProgramOutput& output_;
  const std::vector<Axis>& axes_;
  llvm::Value* first_element_;
  BlockRange range_;
  const StoredBlock& stored_;
};

}  // namespace

void emit_many_elements(TileSteps& steps, const ProgramOutput& output,
                        llvm::Value* element, const BlockRange& range,
                        const StoredBlock& stored) {
  ManyElementsCode(steps, output, element, range, stored).emit();
}

}  // namespace gramless
