// SPDX-License-Identifier: MIT
// Emits the functions of the operator table.
#pragma once

#include <span>

#include "gramless/codegen/vector_math.h"
#include "gramless/ir/operators.h"

namespace gramless {

/// Emits the value of a function that has no expansion.
llvm::Value* emit_function(VectorMath& math, Function function,
                           std::span<llvm::Value* const> operands);

}  // namespace gramless
