// SPDX-License-Identifier: MIT
// Emits
//
//   for each position of the panel
//     for each element of the crossed outputs
//       the sum over the lanes of its register, times the output's factor,
//       combined with the state
//
// in arithmetic on single numbers.
#include "gramless/codegen/crossed_code.h"

#include "gramless/codegen/sweep_code.h"
#include "gramless/codegen/tile_steps.h"

namespace gramless {
namespace {

class CrossedCode {
 public:
  CrossedCode(GeneratedModule& generated, const Program& program,
              const TileShape& shape)
      : program_(program),
        lanes_(shape.lanes),
        steps_(generated, program, scalar_shape(shape), kAddCrossed),
        ir_(steps_.ir()),
        registers_(ir_, shape) {}

  void emit() {
    llvm::BasicBlock* first = ir_.GetInsertBlock();
    llvm::IRBuilder<>& ahead = steps_.ahead();
    elements_ = ahead.getInt64(0);
    std::vector<llvm::Value*> first_elements;
    for (const ProgramOutput& output : program_.outputs) {
      first_elements.push_back(elements_);
      if (!is_crossed(program_, output)) continue;
      llvm::Value* count = ahead.getInt64(1);
      for (const Axis& axis : array(output).features) {
        count = ahead.CreateMul(count, steps_.extents().of(axis));
      }
      elements_ = ahead.CreateAdd(elements_, count);
    }
    steps_.run({ir_.getInt64(0), steps_.count()}, {},
               [&](BlockCode& code, const TileStep& step, const Registers&) {
                 for (std::size_t k = 0; k < program_.outputs.size(); ++k) {
                   const ProgramOutput& output = program_.outputs[k];
                   if (!is_crossed(program_, output)) continue;
                   emit_output(code, output, step, first_elements[k]);
                 }
                 return Registers{};
               });
    steps_.finish(first);
  }

 private:
  static TileShape scalar_shape(TileShape shape) {
    shape.lanes = shape.kept_unroll = shape.reduced_unroll = 1;
    return shape;
  }

  [[nodiscard]] const ArraySpec& array(const ProgramOutput& output) const {
    return program_.results[output.output];
  }

  void emit_output(BlockCode& code, const ProgramOutput& output,
                   const TileStep& step, llvm::Value* first) {
    code.for_each_position(array(output).features, std::nullopt, [&] {
      llvm::Value* element =
          ir_.CreateAdd(first, code.element(array(output).features));
      llvm::Value* index =
          ir_.CreateAdd(ir_.CreateMul(step.index, elements_), element);
      llvm::Value* address = registers_.register_at(steps_.crossed(), index);
      llvm::Type* type = registers_.register_of(registers_.number());
      llvm::Value* sum = sum_of_lanes(registers_.load(type, address));
      registers_.store(llvm::Constant::getNullValue(type), address);
      if (output.factor) {
        const BlockValue factor = code.value(*output.factor);
        sum = ir_.CreateFMul(sum, factor.registers[0]);
      }
      steps_.reductions().combine(output.reduction, {sum}, nullptr,
                                  steps_.words_at(index));
    });
  }

  /// Adds the upper half of the lanes to the lower one until one is left.
  llvm::Value* sum_of_lanes(llvm::Value* sums) {
    if (lanes_ == 1) return sums;
    for (int half = lanes_ / 2; half > 0; half /= 2) {
      std::vector<int> lower;
      std::vector<int> upper;
      for (int lane = 0; lane < half; ++lane) {
        lower.push_back(lane);
        upper.push_back(half + lane);
      }
      sums = ir_.CreateFAdd(ir_.CreateShuffleVector(sums, lower),
                            ir_.CreateShuffleVector(sums, upper));
    }
    return ir_.CreateExtractElement(sums, uint64_t{0});
  }

  const Program& program_;
  int lanes_;
  TileSteps steps_;
  llvm::IRBuilder<>& ir_;
  /// Registers of the tiles, in memory.
  TileMemory registers_;
  llvm::Value* elements_ = nullptr;
};

}  // namespace

void emit_add_crossed(GeneratedModule& generated, const Program& program,
                      const TileShape& shape) {
  CrossedCode(generated, program, shape).emit();
}

}  // namespace gramless
