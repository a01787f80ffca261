// SPDX-License-Identifier: MIT
// Emits the values of a program's instructions for a block of pairs: several
// registers along the kept axis, each a position or a vector of them, by
// several along the reduced axis.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "gramless/codegen/loops.h"
#include "gramless/codegen/vector_math.h"
#include "gramless/plan/plan.h"

namespace gramless {

/// A value in a block: as many registers as the block has along the axes that
/// it varies along.
struct BlockValue {
  Registers registers;
  bool varies_kept = false;
  bool varies_reduced = false;

  /// Returns the register that stands where two of the block cross.
  [[nodiscard]] llvm::Value* at(int kept, int reduced,
                                const TileShape& shape) const;
};

/// Where feature axes stand: those of the value that is being emitted, and what
/// it sums over.
using Environment = std::map<Axis, llvm::Value*>;

/// The extents of the axes: loaded for long_axes(), constants for others.
class Extents {
 public:
  /// Loads the extents of long_axes(), in their order, from `pointer`.
  Extents(llvm::IRBuilder<>& ir, const Program& program, const TileShape& shape,
          llvm::Value* pointer);

  [[nodiscard]] llvm::Value* of(const Axis& axis) const;

 private:
  llvm::IRBuilder<>& ir_;
  std::map<std::string, llvm::Value*> loaded_;
};

class BlockCode {
 public:
  /// Returns a value that is computed elsewhere: of another rate, or a load.
  using Input = std::function<BlockValue(int value, const Environment&)>;

  struct Config {
    const Program* program;
    TileShape shape;
    /// The type of all registers: float or double, or vectors of them.
    llvm::Type* type;
    /// Values of this rate are computed here.
    Rate rate;
    const Extents* extents;
    Input input;
    /// Of each instruction, whether it is an input though it is of this rate.
    const std::vector<bool>* stored = nullptr;
    Environment environment = {};
  };

  BlockCode(llvm::IRBuilder<>& ir, VectorMath& math, Config config);

  /// Emits a value at the environment's position.
  BlockValue value(const Use& use);

  /// Emits the factors of a value that is a product of this rate, all but the
  /// last multiplied: `first` times `second`. Of other values, `first` is the
  /// value and `second` has no registers.
  struct Product {
    BlockValue first;
    BlockValue second;
  };
  Product product_of(const Use& use);

  /// Calls `body` at each position on the axes: once for each where they are
  /// unrolled, in a loop where they are long. `used` is what the body will ask
  /// for, if anything: its parts that do not depend on the axes are emitted in
  /// front.
  void for_each_position(std::span<const Axis> axes,
                         const std::optional<Use>& used,
                         const std::function<void()>& body);

  /// Calls `body` where feature axes stand at given positions. What it emits
  /// may depend on them.
  void at_position(const Environment& environment,
                   const std::function<void()>& body);

  [[nodiscard]] const Environment& environment() const { return environment_; }

  /// Returns the index of a position among the elements of some axes.
  llvm::Value* element(std::span<const Axis> axes);

 private:
  using Key = std::pair<int, Registers>;

  [[nodiscard]] const Instruction& at(int value) const;
  [[nodiscard]] bool is_unrolled(const Axis& axis) const;
  /// Whether an instruction's value is computed here from its operands.
  [[nodiscard]] bool is_computed(int value) const;
  [[nodiscard]] bool is_bound(const Use& use) const;
  [[nodiscard]] Key key_of(const Use& use) const;
  template <class Emit>
  auto inside(const Use& use, const Emit& emit);
  BlockValue emit(int value, const Instruction& instruction);
  BlockValue emit_sum(const Instruction& instruction);
  BlockValue emit_add(const Instruction& instruction);
  BlockValue emit_call(const Instruction& instruction);
  /// Emits total + product, as one fused operation where there are factors.
  BlockValue add(const BlockValue& total, const Product& product);
  using Operation = std::function<llvm::Value*(const Registers&)>;
  BlockValue combine(const std::vector<const BlockValue*>& operands,
                     const Operation& operation);
  BlockValue multiply(const BlockValue& a, const BlockValue& b);
  BlockValue product(std::span<const Use> operands);
  Product split_product(std::span<const Use> operands);
  BlockValue constant(double value);
  BlockValue map(const BlockValue& a,
                 const std::function<llvm::Value*(llvm::Value*)>& function);
  llvm::Value* power(const Instruction& instruction, llvm::Value* a);
  void emit_ahead(const Use& use);
  void run_loop(const Axis& axis, const std::function<void()>& body);

  llvm::IRBuilder<>& ir_;
  VectorMath& math_;
  Config config_;
  Environment environment_;
  std::vector<std::map<Key, BlockValue>> scopes_;
};

}  // namespace gramless
