// SPDX-License-Identifier: MIT
// Implements reductions with a scale.
#include "gramless/codegen/scaled_code.h"

#include "gramless/codegen/stored_block.h"
#include "gramless/plan/stored_values.h"

namespace gramless {
namespace {

class ScaledCode {
 public:
  ScaledCode(TileSteps& steps, const ProgramOutput& output,
             llvm::Value* element, const BlockRange& range)
      : steps_(steps),
        ir_(steps.ir()),
        shape_(steps.shape()),
        output_(output),
        axes_(steps.program().results[output.output].features),
        first_element_(element),
        range_(range),
        stored_(steps, range, stored_values(steps.program(), output, shape_),
                &usable_scales_) {}

  void emit() {
    if (has_one_element(steps_.program(), output_, shape_)) {
      Environment environment;
      for (const Axis& axis : axes_) environment[axis] = ir_.getInt64(0);
      const Registers bounds = steps_.run(
          range_, no_bounds(),
          [&](BlockCode& code, const TileStep& step, const Registers& before) {
            stored_.store(code, step);
            return larger_bounds(code, step, before);
          },
          nullptr, environment);
      emit_element(bounds, first_element_, environment);
      return;
    }
    steps_.run(range_, {},
               [&](BlockCode& code, const TileStep& step, const Registers&) {
                 stored_.store(code, step);
                 return Registers{};
               });
    BlockCode around = steps_.code_around();
    around.for_each_position(axes_, std::nullopt, [&] {
      const Environment& environment = around.environment();
      const Registers bounds = steps_.run(
          range_, no_bounds(),
          [&](BlockCode& code, const TileStep& step, const Registers& before) {
            return larger_bounds(code, step, before);
          },
          &stored_.pairs(), environment);
      emit_element(bounds, ir_.CreateAdd(first_element_, around.element(axes_)),
                   environment);
    });
  }

 private:
  [[nodiscard]] int rows() const { return shape_.kept_unroll; }

  // The scale.

  Registers no_bounds() {
    return Registers(static_cast<std::size_t>(rows()),
                     llvm::ConstantFP::getInfinity(steps_.type(), true));
  }

  /// NaN bounds nothing.
  Registers larger_bounds(BlockCode& code, const TileStep& step,
                          Registers bounds) {
    const BlockValue bound = code.value(output_.bound);
    for (int row = 0; row < rows(); ++row) {
      llvm::Value*& largest = bounds[static_cast<std::size_t>(row)];
      for (int reduced = 0; reduced < step.registers; ++reduced) {
        llvm::Value* each = bound.at(row, reduced, steps_.shape_of(step));
        if (step.mask == nullptr) {
          largest = steps_.math().larger_number(each, largest);
          continue;
        }
        llvm::Value* is_larger =
            ir_.CreateAnd(ir_.CreateFCmpOGT(each, largest), step.mask);
        largest = ir_.CreateSelect(is_larger, each, largest);
      }
    }
    return bounds;
  }

  /// Returns the scale of the block for a row: see scale_of_block().
  llvm::Value* scale_of(llvm::Value* bound, const WordAddress& state) {
    llvm::Value* before = steps_.reductions().scale_of(state);
    llvm::Value* scale = steps_.math().ceil(bound);
    llvm::Value* is_finite =
        ir_.CreateFCmpOLT(scale, llvm::ConstantFP::getInfinity(steps_.type()));
    llvm::Value* is_larger = ir_.CreateFCmpOGT(scale, before);
    return ir_.CreateSelect(ir_.CreateAnd(is_finite, is_larger), scale, before);
  }

  // The terms.

  void emit_element(const Registers& bounds, llvm::Value* element,
                    const Environment& environment) {
    std::vector<WordAddress> states;
    Registers scales;
    usable_scales_.clear();
    for (int row = 0; row < rows(); ++row) {
      llvm::Value* index = ir_.CreateAdd(
          ir_.CreateMul(element, ir_.getInt64(static_cast<uint64_t>(rows()))),
          ir_.getInt64(static_cast<uint64_t>(row)));
      states.push_back(steps_.words_at(index));
      llvm::Value* scale =
          scale_of(bounds[static_cast<std::size_t>(row)], states.back());
      scales.push_back(scale);
      llvm::Value* is_none = ir_.CreateFCmpOEQ(
          scale, llvm::ConstantFP::getInfinity(steps_.type(), true));
      usable_scales_.push_back(ir_.CreateSelect(
          is_none, llvm::Constant::getNullValue(steps_.type()), scale));
    }
    const Registers sums = steps_.run(
        range_,
        Registers(static_cast<std::size_t>(rows()),
                  llvm::Constant::getNullValue(steps_.type())),
        [&](BlockCode& code, const TileStep& step, const Registers& before) {
          Registers after = before;
          steps_.add_terms(output_, code, step, after);
          return after;
        },
        &stored_.pairs(), environment);
    for (std::size_t row = 0; row < sums.size(); ++row) {
      steps_.reductions().combine(output_.reduction, {sums[row], scales[row]},
                                  nullptr, states[row]);
    }
  }

  TileSteps& steps_;
  llvm::IRBuilder<>& ir_;
  const TileShape& shape_;
  const ProgramOutput& output_;
  const std::vector<Axis>& axes_;
  llvm::Value* first_element_;
  BlockRange range_;
  Registers usable_scales_;
  StoredBlock stored_;
};

}  // namespace

void emit_scaled(TileSteps& steps, const ProgramOutput& output,
                 llvm::Value* element, const BlockRange& range) {
  ScaledCode(steps, output, element, range).emit();
}

}  // namespace gramless
