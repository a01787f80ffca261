// SPDX-License-Identifier: MIT
// Emits a loop over positions: over vectors of them where the tile has lanes
// along their axis, otherwise over one after another.
#include "gramless/codegen/pack_code.h"

#include <cstddef>

#include "gramless/codegen/packed_values.h"
#include "gramless/codegen/strided_code.h"
#include "gramless/codegen/sweep_code.h"

namespace gramless {
namespace {

/// A function under construction, with the parts of PackFunction.
class PackCode {
 public:
  PackCode(GeneratedModule& generated, const Program& program,
           const TileShape& shape, PackName pack)
      : generated_(generated),
        program_(program),
        shape_(packed_shape(program, shape, pack.rate)),
        rate_(pack.rate),
        function_(declare(generated, pack.name)),
        ir_(llvm::BasicBlock::Create(*generated.context, "entry", function_)),
        math_(ir_, packing_target(generated.target)),
        memory_(ir_, shape_),
        type_(memory_.register_of(memory_.number())),
        extents_(ir_, program, shape, argument(1)),
        call_(panel_layout(ir_, program, Rate::call, extents_)),
        own_(panel_layout(ir_, program, rate_, extents_)) {}

  void emit() {
    load_arrays();
    llvm::Value* step = ir_.getInt64(static_cast<uint64_t>(shape_.lanes));
    emit_loop(ir_, {ir_.getInt64(0), argument(5), step}, {},
              [&](llvm::Value* item, const Registers&) -> Registers {
                emit_item(item);
                return {};
              });
    ir_.CreateRetVoid();
  }

 private:
  struct Array {
    llvm::Value* data = nullptr;
    llvm::Value* row_stride = nullptr;
    llvm::Value* element_stride = nullptr;
  };

  /// Returns a target whose routines give a vector the bits of a number by
  /// itself: one sweep packs the vectors, another one of the same pairs
  /// numbers.
  static Target packing_target(Target target) {
    target.isa = VectorIsa::baseline;
    return target;
  }

  /// Returns the shape of what is packed at once: a vector of positions where
  /// they are side by side in the panel, or one.
  static TileShape packed_shape(const Program& program, TileShape shape,
                                Rate rate) {
    const Rate along =
        shape.lanes_along_kept ? kept_rate(program) : reduced_rate(program);
    if (rate != along) shape.lanes = 1;
    shape.kept_unroll = shape.reduced_unroll = 1;
    return shape;
  }

  static llvm::Function* declare(GeneratedModule& generated, const char* name) {
    llvm::LLVMContext& context = *generated.context;
    llvm::Type* pointer = llvm::PointerType::get(context, 0);
    llvm::Type* number = llvm::Type::getInt64Ty(context);
    return add_function(
        generated, name,
        llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                {pointer, pointer, pointer, pointer, number,
                                 number, number, number},
                                false));
  }

  llvm::Value* argument(unsigned position) {
    return function_->getArg(position);
  }

  void load_arrays() {
    for (std::size_t k = 0; k < program_.arguments.size(); ++k) {
      const auto field = [&](std::size_t offset, llvm::Type* type) {
        return load_field(ir_, argument(0), k * sizeof(ArrayPointer) + offset,
                          type);
      };
      arrays_.push_back(
          {field(offsetof(ArrayPointer, data), ir_.getPtrTy()),
           field(offsetof(ArrayPointer, row_stride), ir_.getInt64Ty()),
           field(offsetof(ArrayPointer, element_stride), ir_.getInt64Ty())});
    }
    for (const Instruction& instruction : program_.instructions) {
      const bool is_read = instruction.kind == NodeKind::load &&
                           instruction.rate == rate_ &&
                           !loads_scale(program_, instruction);
      if (!is_read) continue;
      const std::size_t k = instruction.argument;
      rows_of_.try_emplace(
          k, generated_, ir_,
          RowLayout{
              .count = argument(5),
              .row_stride = arrays_[k].row_stride,
              .element_stride = arrays_[k].element_stride,
              .lanes = shape_.lanes,
              .elements = elements_together(shape_.lanes, extents_,
                                            program_.arguments[k].features)});
    }
  }

  /// Loads what is loaded whole, in front of all that uses it.
  void load_rows() {
    for (auto& [array, rows] : rows_of_) {
      if (rows.elements() == 1) continue;
      llvm::Value* data = ir_.CreateGEP(stored_type(array), arrays_[array].data,
                                        row_offset(arrays_[array]));
      loaded_[array] = rows.load(stored_type(array), data, item_);
    }
  }

  void emit_item(llvm::Value* item) {
    item_ = item;
    load_rows();
    const auto input = [&](int value, const Environment& environment) {
      return this->input(value, environment);
    };
    BlockCode code(ir_, math_,
                   {&program_, shape_, type_, rate_, &extents_, input});
    code_ = &code;
    llvm::Value* index = ir_.CreateMul(item, argument(7));
    for (const auto& [value, first] : own_.first) {
      const Use use = use_of(program_, value);
      code.for_each_position(use.axes, use, [&, offset = first] {
        llvm::Value* element = ir_.CreateAdd(offset, code.element(use.axes));
        llvm::Value* at =
            ir_.CreateAdd(ir_.CreateMul(element, argument(6)), index);
        memory_.store(code.value(use).registers[0],
                      memory_.number_at(argument(3), at));
      });
    }
  }

  llvm::Type* stored_type(std::size_t array) {
    return scalar_type(ir_.getContext(),
                       program_.arguments[array].dtype_in(shape_.dtype));
  }

  BlockValue input(int value, const Environment& environment) {
    const Instruction& instruction =
        program_.instructions[static_cast<std::size_t>(value)];
    if (instruction.kind == NodeKind::load && instruction.rate == rate_) {
      return {{load(instruction, environment)}, false, false};
    }
    llvm::Value* at =
        ir_.CreateAdd(call_.first.at(value), code_->element(instruction.axes));
    llvm::Value* number =
        memory_.load(memory_.number(), memory_.number_at(argument(2), at));
    return {{memory_.splat(number)}, false, false};
  }

  llvm::Value* load(const Instruction& instruction,
                    const Environment& environment) {
    const ArraySpec& spec = program_.arguments[instruction.argument];
    llvm::Value* element = ir_.getInt64(0);
    for (std::size_t k = 0; k < spec.features.size(); ++k) {
      const Index& index = instruction.indices[k];
      const Axis* axis = std::get_if<Axis>(&index);
      llvm::Value* at =
          axis != nullptr
              ? environment.at(*axis)
              : ir_.getInt64(static_cast<uint64_t>(std::get<int64_t>(index)));
      element = ir_.CreateAdd(
          ir_.CreateMul(element, extents_.of(spec.features[k])), at);
    }
    llvm::Value* number = load_element(instruction.argument, element);
    if (number->getType() != type_) number = ir_.CreateFPTrunc(number, type_);
    // NaN payloads are cleared, because exp2() edits exponent bits and would
    // turn other NaNs into numbers.
    return ir_.CreateSelect(ir_.CreateFCmpUNO(number, number),
                            llvm::ConstantFP::getNaN(type_), number);
  }

  llvm::Value* load_element(std::size_t index, llvm::Value* element) {
    if (const auto loaded = loaded_.find(index); loaded != loaded_.end()) {
      return loaded
          ->second[llvm::cast<llvm::ConstantInt>(element)->getZExtValue()];
    }
    const Array& array = arrays_[index];
    llvm::Value* offset = ir_.CreateMul(element, array.element_stride);
    if (program_.arguments[index].pair != PairIndex::none) {
      offset = ir_.CreateAdd(offset, row_offset(array));
    }
    llvm::Type* stored = stored_type(index);
    llvm::Value* data = ir_.CreateGEP(stored, array.data, offset);
    return rows_of_.at(index).load(stored, data, item_)[0];
  }

  llvm::Value* row_offset(const Array& array) {
    return ir_.CreateMul(ir_.CreateAdd(argument(4), item_), array.row_stride);
  }

  GeneratedModule& generated_;
  const Program& program_;
  TileShape shape_;
  Rate rate_;
  llvm::Function* function_;
  llvm::IRBuilder<> ir_;
  VectorMath math_;
  TileMemory memory_;
  llvm::Type* type_;
  Extents extents_;
  PanelLayout call_;
  PanelLayout own_;
  std::vector<Array> arrays_;
  /// Of the arrays that are read.
  std::map<std::size_t, RowVectors> rows_of_;
  /// Of those whose rows are loaded whole: the elements at the item.
  std::map<std::size_t, Registers> loaded_;
  llvm::Value* item_ = nullptr;
  BlockCode* code_ = nullptr;
};

}  // namespace

void emit_pack(GeneratedModule& generated, const Program& program,
               const TileShape& shape, PackName pack) {
  PackCode(generated, program, shape, pack).emit();
}

PanelLayout panel_layout(llvm::IRBuilder<>& ir, const Program& program,
                         Rate rate, const Extents& extents) {
  PanelLayout layout{{}, ir.getInt64(0)};
  for (const int value : packed_values(program, rate)) {
    layout.first[value] = layout.elements;
    llvm::Value* elements = ir.getInt64(1);
    for (const Axis& axis :
         program.instructions[static_cast<std::size_t>(value)].axes) {
      elements = ir.CreateMul(elements, extents.of(axis));
    }
    layout.elements = ir.CreateAdd(layout.elements, elements);
  }
  return layout;
}

llvm::Type* scalar_type(llvm::LLVMContext& context, DType dtype) {
  return dtype == DType::float32 ? llvm::Type::getFloatTy(context)
                                 : llvm::Type::getDoubleTy(context);
}

}  // namespace gramless
