// SPDX-License-Identifier: MIT
// Names the routine for each function of the operator table.
#include "gramless/codegen/function_code.h"

#include <algorithm>
#include <array>

#include "gramless/error.h"

namespace gramless {
namespace {

struct UnaryRoutine {
  Function function;
  llvm::Value* (VectorMath::*emit)(llvm::Value*);
};

constexpr std::array kUnaryRoutines = {
    UnaryRoutine{Function::exp2, &VectorMath::exp2},
    UnaryRoutine{Function::log, &VectorMath::log},
    UnaryRoutine{Function::log2, &VectorMath::log2},
    UnaryRoutine{Function::log1p, &VectorMath::log1p},
    UnaryRoutine{Function::exponent, &VectorMath::exponent},
    UnaryRoutine{Function::mantissa, &VectorMath::mantissa},
    UnaryRoutine{Function::step, &VectorMath::step},
    UnaryRoutine{Function::sin, &VectorMath::sin},
    UnaryRoutine{Function::cos, &VectorMath::cos},
    UnaryRoutine{Function::tan, &VectorMath::tan},
    UnaryRoutine{Function::asin, &VectorMath::asin},
    UnaryRoutine{Function::acos, &VectorMath::acos},
    UnaryRoutine{Function::atan, &VectorMath::atan},
    UnaryRoutine{Function::sinh, &VectorMath::sinh},
    UnaryRoutine{Function::cosh, &VectorMath::cosh},
    UnaryRoutine{Function::tanh, &VectorMath::tanh},
    UnaryRoutine{Function::abs, &VectorMath::abs},
    UnaryRoutine{Function::sign, &VectorMath::sign},
    UnaryRoutine{Function::floor, &VectorMath::floor},
    UnaryRoutine{Function::round, &VectorMath::round},
    UnaryRoutine{Function::capped, &VectorMath::capped},
    UnaryRoutine{Function::bounded, &VectorMath::bounded},
    UnaryRoutine{Function::root_domain, &VectorMath::root_domain},
};

}  // namespace

llvm::Value* emit_function(VectorMath& math, Function function,
                           std::span<llvm::Value* const> operands) {
  const auto* const unary = std::find_if(
      kUnaryRoutines.begin(), kUnaryRoutines.end(),
      [&](const UnaryRoutine& row) { return row.function == function; });
  if (unary != kUnaryRoutines.end()) return (math.*unary->emit)(operands[0]);
  if (function == Function::rounded) return operands[0];
  if (function == Function::maximum) {
    return math.maximum(operands[0], operands[1]);
  }
  if (function == Function::times_square) {
    return math.times_square(operands[0], operands[1], operands[2]);
  }
  if (function == Function::atan2) return math.atan2(operands[0], operands[1]);
  if (function == Function::select) {
    return math.select(operands[0], operands[1], operands[2]);
  }
  throw InternalError("emit_function(): no code for this function.");
}

}  // namespace gramless
