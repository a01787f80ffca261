// SPDX-License-Identifier: MIT
// Emits counted loops.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <functional>
#include <vector>

namespace gramless {

using Registers = std::vector<llvm::Value*>;

/// The range `begin`, `begin + step`, … below `end`.
struct LoopRange {
  llvm::Value* begin;
  llvm::Value* end;
  llvm::Value* step;
};

/// Emits `for index in range: carried = body(index, carried)` and returns the
/// final `carried`. Leaves the builder after the loop.
Registers emit_loop(
    llvm::IRBuilder<>& ir, const LoopRange& range, const Registers& initial,
    const std::function<Registers(llvm::Value* index, const Registers&)>& body);

}  // namespace gramless
