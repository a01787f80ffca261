// SPDX-License-Identifier: MIT
// Names the routine for each function of the operator table.
#include "gramless/codegen/function_code.h"

#include "gramless/base/error.h"

namespace gramless {

llvm::Value* emit_function(VectorMath& math, Function function,
                           std::span<llvm::Value* const> operands) {
  llvm::Value* a = operands[0];
  switch (function) {
    case Function::exp2:
      return math.exp2(a);
    case Function::log:
      return math.log(a);
    case Function::log2:
      return math.log2(a);
    case Function::log1p:
      return math.log1p(a);
    case Function::log0:
      return math.log0(a);
    case Function::exponent:
      return math.exponent(a);
    case Function::mantissa:
      return math.mantissa(a);
    case Function::step:
      return math.step(a);
    case Function::sin:
      return math.sin(a);
    case Function::cos:
      return math.cos(a);
    case Function::tan:
      return math.tan(a);
    case Function::asin:
      return math.asin(a);
    case Function::acos:
      return math.acos(a);
    case Function::atan:
      return math.atan(a);
    case Function::sinh:
      return math.sinh(a);
    case Function::cosh:
      return math.cosh(a);
    case Function::tanh:
      return math.tanh(a);
    case Function::abs:
      return math.abs(a);
    case Function::sign:
      return math.sign(a);
    case Function::floor:
      return math.floor(a);
    case Function::round:
      return math.round(a);
    case Function::maximum:
      return math.maximum(a, operands[1]);
    case Function::capped:
      return math.capped(a, operands[1]);
    case Function::rounded:
      return a;
    case Function::atan2:
      return math.atan2(a, operands[1]);
    case Function::select:
      return math.select(a, operands[1], operands[2]);
    case Function::exp:
    case Function::detach:
    case Function::sinc:
    case Function::sinc1:
    case Function::sinc2:
    case Function::sinc3:
    case Function::laplacian:
    case Function::matern32:
    case Function::matern52:
    case Function::log_matern32:
    case Function::log_matern52:
      break;  // Expanded into the ones above.
  }
  throw InternalError("emit_function(): no code for this function.");
}

}  // namespace gramless
