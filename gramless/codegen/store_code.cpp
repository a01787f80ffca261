// SPDX-License-Identifier: MIT
// Emits
//
//   for each output that keeps the rows, or that keeps nothing
//     for each element, or for all at once if they are few
//       for each vector of rows
//         the settled state, and of that each result
#include "gramless/codegen/store_code.h"

#include <cstddef>

#include "gramless/codegen/function_code.h"
#include "gramless/codegen/reduction_code.h"
#include "gramless/codegen/strided_code.h"
#include "gramless/codegen/sweep_code.h"
#include "gramless/error.h"

namespace gramless {
namespace {

class StoreCode {
 public:
  StoreCode(GeneratedModule& generated, const Program& program,
            const TileShape& shape, StoreName store)
      : generated_(generated),
        program_(program),
        kept_(store.kept),
        shape_(float64_shape(shape)),
        function_(declare(generated, store.name)),
        ir_(llvm::BasicBlock::Create(*generated.context, "entry", function_)),
        math_(ir_, generated.target),
        memory_(ir_, shape_),
        reductions_(ir_, math_, memory_, {shape_, generated.target}),
        wide_(memory_.register_of(ir_.getDoubleTy())),
        extents_(ir_, program, shape, function_->getArg(0)),
        words_(field(1, offsetof(TileStates, words), ir_.getPtrTy())),
        word_stride_(
            field(1, offsetof(TileStates, word_stride), ir_.getInt64Ty())),
        first_(field(2, offsetof(TileRows, first), ir_.getInt64Ty())),
        count_(field(2, offsetof(TileRows, count), ir_.getInt64Ty())),
        rows_(field(2, offsetof(TileRows, all), ir_.getInt64Ty())) {}

  void emit() {
    find_rows();
    llvm::Value* first = ir_.getInt64(0);
    for (const ProgramOutput& output : program_.outputs) {
      if (output.kept != kept_) continue;
      llvm::Value* elements = ir_.getInt64(1);
      for (const Axis& axis : program_.results[output.output].features) {
        elements = ir_.CreateMul(elements, extents_.of(axis));
      }
      llvm::Value* step = ir_.getInt64(
          static_cast<uint64_t>(rows_of_.at(output.output).elements()));
      emit_loop(ir_, {ir_.getInt64(0), elements, step}, {},
                [&](llvm::Value* element, const Registers&) -> Registers {
                  emit_rows(output, element, ir_.CreateAdd(first, element));
                  return {};
                });
      first = ir_.CreateAdd(first, elements);
    }
    ir_.CreateRetVoid();
  }

 private:
  /// Returns a shape with lanes for one vector of float64.
  static TileShape float64_shape(TileShape shape) {
    if (shape.dtype == DType::float32 && shape.lanes > 1) shape.lanes /= 2;
    return shape;
  }

  static llvm::Function* declare(GeneratedModule& generated, const char* name) {
    llvm::LLVMContext& context = *generated.context;
    llvm::Type* pointer = llvm::PointerType::get(context, 0);
    return add_function(
        generated, name,
        llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                std::vector<llvm::Type*>(4, pointer), false));
  }

  llvm::Value* field(unsigned argument, std::size_t offset, llvm::Type* type) {
    return load_field(ir_, function_->getArg(argument), offset, type);
  }

  /// Loads a field of the pointer to a result.
  llvm::Value* result_field(std::size_t result, std::size_t offset,
                            llvm::Type* type) {
    return field(3, result * sizeof(ResultPointer) + offset, type);
  }

  void find_rows() {
    for (const ProgramOutput& output : program_.outputs) {
      if (output.kept != kept_) continue;
      for (std::size_t k = 0; k < output.finishes.size(); ++k) {
        const std::size_t result = output.output + k;
        const auto stride = [&](std::size_t offset) {
          return result_field(result, offset, ir_.getInt64Ty());
        };
        rows_of_.try_emplace(
            result, generated_, ir_,
            RowLayout{.count = count_,
                      .row_stride = stride(offsetof(ResultPointer, row_stride)),
                      .element_stride =
                          stride(offsetof(ResultPointer, element_stride)),
                      .lanes = shape_.lanes,
                      .elements = elements_together(
                          shape_.lanes, extents_,
                          program_.results[result].features)});
      }
    }
  }

  /// Stores the results of an output's elements from `element` on, as many as
  /// are stored together. Their states stand behind `index` others.
  void emit_rows(const ProgramOutput& output, llvm::Value* element,
                 llvm::Value* index) {
    const int64_t together = rows_of_.at(output.output).elements();
    llvm::Value* step = ir_.getInt64(static_cast<uint64_t>(shape_.lanes));
    emit_loop(ir_, {ir_.getInt64(0), count_, step}, {},
              [&](llvm::Value* row, const Registers&) -> Registers {
                std::vector<Registers> results(output.finishes.size());
                for (int64_t k = 0; k < together; ++k) {
                  llvm::Value* at =
                      ir_.CreateAdd(index, ir_.getInt64(uint64_t(k)));
                  const Registers words = settled(output.reduction, at, row);
                  for (std::size_t f = 0; f < results.size(); ++f) {
                    results[f].push_back(result(output.finishes[f], words));
                  }
                }
                for (std::size_t f = 0; f < results.size(); ++f) {
                  store(output.output + f, results[f], row, element);
                }
                return {};
              });
  }

  /// Returns the settled states of an element's rows.
  Registers settled(Reduction reduction, llvm::Value* index, llvm::Value* row) {
    llvm::Value* state = ir_.CreateAdd(ir_.CreateMul(index, rows_), row);
    return reductions_.settled(reduction, [&](std::size_t word) {
      llvm::Value* plane = ir_.CreateMul(word_stride_, ir_.getInt64(word));
      return ir_.CreateGEP(ir_.getDoubleTy(), words_,
                           ir_.CreateAdd(state, plane));
    });
  }

  /// Emits a finish on a settled state.
  llvm::Value* result(const Finish& finish, const Registers& words) {
    Registers values;
    for (const Instruction& step : finish) {
      Registers operands;
      for (const Use& use : step.operands) {
        operands.push_back(values[static_cast<std::size_t>(use.value)]);
      }
      values.push_back(emit_step(step, operands, words));
    }
    return values.back();
  }

  llvm::Value* emit_step(const Instruction& step, const Registers& operands,
                         const Registers& words) {
    switch (step.kind) {
      case NodeKind::load:
        return words[step.argument];
      case NodeKind::constant:
        return llvm::ConstantFP::get(wide_, step.value);
      case NodeKind::function:
        return emit_function(math_, step.function, operands);
      case NodeKind::add:
      case NodeKind::multiply:
        return fold(step.kind, operands);
      case NodeKind::power:
      case NodeKind::power0:
      case NodeKind::at:
      case NodeKind::sum:
        break;
    }
    throw InternalError("emit_step(): no such step makes a result.");
  }

  llvm::Value* fold(NodeKind kind, const Registers& operands) {
    llvm::Value* total = operands[0];
    for (std::size_t k = 1; k < operands.size(); ++k) {
      total = kind == NodeKind::add ? ir_.CreateFAdd(total, operands[k])
                                    : ir_.CreateFMul(total, operands[k]);
    }
    return total;
  }

  /// Stores vectors of elements, from `element` on, in the rows of a result.
  /// Rows of a tile that stand behind the last one are copies of it, and are
  /// stored there.
  void store(std::size_t result, Registers elements, llvm::Value* row,
             llvm::Value* element) {
    const ArraySpec& spec = program_.results[result];
    llvm::Type* number =
        scalar_type(ir_.getContext(), spec.dtype_in(shape_.dtype));
    if (number != ir_.getDoubleTy()) {
      for (llvm::Value*& each : elements) {
        each = ir_.CreateFPTrunc(each, memory_.register_of(number));
      }
    }
    llvm::Value* data =
        result_field(result, offsetof(ResultPointer, data), ir_.getPtrTy());
    llvm::Value* row_stride = result_field(
        result, offsetof(ResultPointer, row_stride), ir_.getInt64Ty());
    llvm::Value* element_stride = result_field(
        result, offsetof(ResultPointer, element_stride), ir_.getInt64Ty());
    llvm::Value* column =
        ir_.CreateGEP(number, data, ir_.CreateMul(element, element_stride));
    llvm::Value* at = ir_.CreateMul(ir_.CreateAdd(first_, row), row_stride);
    rows_of_.at(result).store(elements, ir_.CreateGEP(number, column, at), row);
  }

  GeneratedModule& generated_;
  const Program& program_;
  Kept kept_;
  TileShape shape_;
  llvm::Function* function_;
  llvm::IRBuilder<> ir_;
  VectorMath math_;
  TileMemory memory_;
  ReductionCode reductions_;
  llvm::Type* wide_;
  Extents extents_;
  llvm::Value* words_;
  llvm::Value* word_stride_;
  llvm::Value* first_;
  llvm::Value* count_;
  llvm::Value* rows_;
  /// Of each result.
  std::map<std::size_t, RowVectors> rows_of_;
};

}  // namespace

void emit_store(GeneratedModule& generated, const Program& program,
                const TileShape& shape, StoreName store) {
  StoreCode(generated, program, shape, store).emit();
}

}  // namespace gramless
