// SPDX-License-Identifier: MIT
// Emits values, each once in the scope that it is valid in.
#include "gramless/codegen/block_code.h"

#include <algorithm>

#include "gramless/codegen/function_code.h"
#include "gramless/error.h"

namespace gramless {

namespace {

/// Terms of a sum over a long axis that are added up by themselves, which makes
/// its rounding errors smaller. Where the axis may be unrolled in another
/// program, they are all terms, so that the sum has the same bits.
constexpr uint64_t kSumBlock = 16;
constexpr uint64_t kSumBlockOfShort = 8;
constexpr uint64_t kShortAxis = 64;

}  // namespace

Extents::Extents(llvm::IRBuilder<>& ir, const Program& program,
                 const TileShape& shape, llvm::Value* pointer)
    : ir_(ir) {
  unsigned position = 0;
  for (const auto& [name, extent] : long_axes(program, shape)) {
    llvm::Value* address =
        ir.CreateConstGEP1_64(ir.getInt64Ty(), pointer, position++);
    loaded_[name] = ir.CreateLoad(ir.getInt64Ty(), address, name);
  }
}

llvm::Value* Extents::of(const Axis& axis) const {
  const auto found = loaded_.find(axis.name);
  return found != loaded_.end()
             ? found->second
             : ir_.getInt64(static_cast<uint64_t>(axis.extent));
}

llvm::Value* BlockValue::at(int kept, int reduced,
                            const TileShape& shape) const {
  const int width = varies_reduced ? shape.reduced_unroll : 1;
  const int index =
      (varies_kept ? kept * width : 0) + (varies_reduced ? reduced : 0);
  return registers[static_cast<std::size_t>(index)];
}

BlockCode::BlockCode(llvm::IRBuilder<>& ir, VectorMath& math, Config config)
    : ir_(ir),
      math_(math),
      config_(std::move(config)),
      environment_(config_.environment),
      scopes_(1) {}

const Instruction& BlockCode::at(int value) const {
  return config_.program->instructions[static_cast<std::size_t>(value)];
}

bool BlockCode::is_unrolled(const Axis& axis) const {
  return config_.shape.is_unrolled(axis);
}

bool BlockCode::is_computed(int value) const {
  const Instruction& instruction = at(value);
  const bool is_stored = config_.stored != nullptr &&
                         (*config_.stored)[static_cast<std::size_t>(value)];
  return instruction.rate == config_.rate && !is_stored &&
         instruction.kind != NodeKind::load;
}

bool BlockCode::is_bound(const Use& use) const {
  return std::all_of(use.axes.begin(), use.axes.end(), [&](const Axis& axis) {
    return environment_.contains(axis);
  });
}

BlockCode::Key BlockCode::key_of(const Use& use) const {
  Key key{use.value, {}};
  for (const Axis& axis : use.axes) {
    key.second.push_back(environment_.at(axis));
  }
  return key;
}

/// Calls `emit` where the axes of a value, as far as they are bound, stand at
/// the positions of the use.
template <class Emit>
auto BlockCode::inside(const Use& use, const Emit& emit) {
  const std::vector<Axis>& axes = at(use.value).axes;
  Environment own;
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const auto found = environment_.find(use.axes[k]);
    if (found != environment_.end()) own.emplace(axes[k], found->second);
  }
  std::swap(environment_, own);
  auto result = emit();
  std::swap(environment_, own);
  return result;
}

BlockValue BlockCode::value(const Use& use) {
  const Key key = key_of(use);
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->find(key); found != scope->end()) {
      return found->second;
    }
  }
  BlockValue result =
      inside(use, [&] { return emit(use.value, at(use.value)); });
  scopes_.back().emplace(key, result);
  return result;
}

BlockValue BlockCode::emit(int value, const Instruction& instruction) {
  if (instruction.kind == NodeKind::constant) {
    return constant(instruction.value);
  }
  if (instruction.kind == NodeKind::at) {
    llvm::Value* is_there = ir_.CreateICmpEQ(
        environment_.at(instruction.axis),
        ir_.getInt64(static_cast<uint64_t>(instruction.value)));
    llvm::Value* mark = ir_.CreateSelect(is_there, constant(0).registers[0],
                                         constant(-1).registers[0]);
    return {{mark}, false, false};
  }
  if (!is_computed(value)) return config_.input(value, environment_);
  switch (instruction.kind) {
    case NodeKind::constant:
    case NodeKind::load:
    case NodeKind::at:
      break;
    case NodeKind::add:
      return emit_add(instruction);
    case NodeKind::multiply:
      return product(instruction.operands);
    case NodeKind::power:
    case NodeKind::power0:
      return map(this->value(instruction.operands[0]),
                 [&](llvm::Value* a) { return power(instruction, a); });
    case NodeKind::function:
      return emit_call(instruction);
    case NodeKind::sum:
      return emit_sum(instruction);
  }
  throw InternalError("emit(): unknown kind of instruction.");
}

BlockValue BlockCode::multiply(const BlockValue& a, const BlockValue& b) {
  return combine({&a, &b}, [&](const Registers& each) {
    return ir_.CreateFMul(each[0], each[1]);
  });
}

BlockValue BlockCode::product(std::span<const Use> operands) {
  BlockValue result = value(operands[0]);
  for (const Use& operand : operands.subspan(1)) {
    result = multiply(result, value(operand));
  }
  return result;
}

BlockCode::Product BlockCode::split_product(std::span<const Use> operands) {
  if (operands.size() == 1) return {value(operands[0]), {}};
  return {product(operands.first(operands.size() - 1)), value(operands.back())};
}

BlockCode::Product BlockCode::product_of(const Use& use) {
  const Instruction& source = at(use.value);
  const bool is_product =
      source.kind == NodeKind::multiply && is_computed(use.value);
  if (!is_product) return {value(use), {}};
  return inside(use, [&] { return split_product(source.operands); });
}

// Whether a multiplication is fused with an addition depends on the program
// alone, and not on who else uses the product: a value has the same bits in
// all programs that it is a part of.
BlockValue BlockCode::add(const BlockValue& total, const Product& product) {
  const BlockValue& first = product.first;
  if (product.second.registers.empty()) {
    return combine({&total, &first}, [&](const Registers& each) {
      return ir_.CreateFAdd(each[0], each[1]);
    });
  }
  return combine({&total, &first, &product.second}, [&](const Registers& each) {
    return math_.fma(each[1], each[2], each[0]);
  });
}

/// Adds what is no product first, so that all products can be fused.
BlockValue BlockCode::emit_add(const Instruction& instruction) {
  std::vector<Use> operands = instruction.operands;
  std::stable_partition(operands.begin(), operands.end(),
                        [&](const Use& operand) {
                          return at(operand.value).kind != NodeKind::multiply ||
                                 !is_computed(operand.value);
                        });
  BlockValue total = value(operands[0]);
  for (const Use& operand : std::span(operands).subspan(1)) {
    total = add(total, product_of(operand));
  }
  return total;
}

BlockValue BlockCode::emit_sum(const Instruction& instruction) {
  const Axis& axis = instruction.axis;
  const Environment around = environment_;
  if (is_unrolled(axis)) {
    BlockValue total;
    for (int64_t k = 0; k < axis.extent; ++k) {
      environment_[axis] = ir_.getInt64(static_cast<uint64_t>(k));
      total = k == 0 ? product(instruction.operands)
                     : add(total, split_product(instruction.operands));
    }
    environment_ = around;
    return total;
  }
  for (const Use& operand : instruction.operands) emit_ahead(operand);
  BlockValue total;
  for (const Use& operand : instruction.operands) {
    // A sum varies with all that its terms vary with.
    const Rate rate = at(operand.value).rate;
    const Rate kept = kept_rate(*config_.program);
    total.varies_kept |= rate == kept || rate == Rate::pair;
    total.varies_reduced |=
        rate == Rate::pair || (rate != kept && rate != Rate::call);
  }
  const int kept = total.varies_kept ? config_.shape.kept_unroll : 1;
  const int reduced = total.varies_reduced ? config_.shape.reduced_unroll : 1;
  const Registers zeros(static_cast<std::size_t>(kept * reduced),
                        llvm::Constant::getNullValue(config_.type));
  llvm::Value* extent = config_.extents->of(axis);
  llvm::Value* is_short =
      ir_.CreateAnd(ir_.CreateICmpSGT(extent, ir_.getInt64(kSumBlock)),
                    ir_.CreateICmpSLT(extent, ir_.getInt64(kShortAxis)));
  llvm::Value* block = ir_.CreateSelect(
      is_short, ir_.getInt64(kSumBlockOfShort), ir_.getInt64(kSumBlock));
  const auto add_terms = [&](llvm::Value* index, const Registers& sums) {
    environment_[axis] = index;
    scopes_.emplace_back();
    const BlockValue before{sums, total.varies_kept, total.varies_reduced};
    const BlockValue after = add(before, split_product(instruction.operands));
    scopes_.pop_back();
    return after.registers;
  };
  total.registers = emit_loop(
      ir_, {ir_.getInt64(0), extent, block}, zeros,
      [&](llvm::Value* begin, const Registers& before) {
        llvm::Value* end = ir_.CreateAdd(begin, block);
        end = ir_.CreateSelect(ir_.CreateICmpSGT(end, extent), extent, end);
        Registers sums =
            emit_loop(ir_, {begin, end, ir_.getInt64(1)}, zeros, add_terms);
        for (std::size_t k = 0; k < sums.size(); ++k) {
          sums[k] = ir_.CreateFAdd(before[k], sums[k]);
        }
        return sums;
      });
  environment_ = around;
  return total;
}

BlockValue BlockCode::combine(const std::vector<const BlockValue*>& operands,
                              const Operation& operation) {
  BlockValue result;
  for (const BlockValue* operand : operands) {
    result.varies_kept |= operand->varies_kept;
    result.varies_reduced |= operand->varies_reduced;
  }
  const int kept = result.varies_kept ? config_.shape.kept_unroll : 1;
  const int reduced = result.varies_reduced ? config_.shape.reduced_unroll : 1;
  for (int r = 0; r < kept; ++r) {
    for (int u = 0; u < reduced; ++u) {
      Registers registers;
      for (const BlockValue* operand : operands) {
        registers.push_back(operand->at(r, u, config_.shape));
      }
      result.registers.push_back(operation(registers));
    }
  }
  return result;
}

BlockValue BlockCode::constant(double value) {
  return {{llvm::ConstantFP::get(config_.type, value)}, false, false};
}

BlockValue BlockCode::map(
    const BlockValue& a,
    const std::function<llvm::Value*(llvm::Value*)>& function) {
  BlockValue result = a;
  for (llvm::Value*& value : result.registers) value = function(value);
  return result;
}

BlockValue BlockCode::emit_call(const Instruction& instruction) {
  std::vector<BlockValue> values;
  for (const Use& operand : instruction.operands) {
    values.push_back(value(operand));
  }
  std::vector<const BlockValue*> operands;
  for (const BlockValue& each : values) operands.push_back(&each);
  return combine(operands, [&](const Registers& each) {
    return emit_function(math_, instruction.function, each);
  });
}

llvm::Value* BlockCode::power(const Instruction& instruction, llvm::Value* a) {
  llvm::Value* result = math_.pow(a, instruction.value);
  if (instruction.kind == NodeKind::power) return result;
  llvm::Value* zero = llvm::Constant::getNullValue(a->getType());
  return ir_.CreateSelect(ir_.CreateFCmpOEQ(a, zero), zero, result);
}

/// Emits the parts of a value whose axes are bound, in front of the loop that
/// binds the others.
void BlockCode::emit_ahead(const Use& use) {
  if (is_bound(use)) {
    value(use);
    return;
  }
  if (!is_computed(use.value)) return;
  inside(use, [&] {
    for (const Use& operand : at(use.value).operands) emit_ahead(operand);
    return true;
  });
}

void BlockCode::run_loop(const Axis& axis, const std::function<void()>& body) {
  const Environment around = environment_;
  if (is_unrolled(axis)) {
    for (int64_t k = 0; k < axis.extent; ++k) {
      environment_[axis] = ir_.getInt64(static_cast<uint64_t>(k));
      body();
    }
  } else {
    emit_loop(ir_,
              {ir_.getInt64(0), config_.extents->of(axis), ir_.getInt64(1)}, {},
              [&](llvm::Value* index, const Registers&) -> Registers {
                environment_[axis] = index;
                scopes_.emplace_back();
                body();
                scopes_.pop_back();
                return {};
              });
  }
  environment_ = around;
}

void BlockCode::for_each_position(std::span<const Axis> axes,
                                  const std::optional<Use>& used,
                                  const std::function<void()>& body) {
  if (axes.empty()) {
    body();
    return;
  }
  if (used && !is_unrolled(axes[0])) emit_ahead(*used);
  run_loop(axes[0], [&] { for_each_position(axes.subspan(1), used, body); });
}

void BlockCode::at_position(const Environment& environment,
                            const std::function<void()>& body) {
  const Environment around = std::exchange(environment_, environment);
  body();
  environment_ = around;
}

llvm::Value* BlockCode::element(std::span<const Axis> axes) {
  llvm::Value* index = ir_.getInt64(0);
  for (const Axis& axis : axes) {
    index = ir_.CreateAdd(ir_.CreateMul(index, config_.extents->of(axis)),
                          environment_.at(axis));
  }
  return index;
}

}  // namespace gramless
