// SPDX-License-Identifier: MIT
// Emits the functions that read the arguments and pack values for the tiles.
#pragma once

#include <map>

#include "gramless/codegen/block_code.h"
#include "gramless/codegen/module.h"

namespace gramless {

/// A function of the type PackFunction, and what it packs.
struct PackName {
  const char* name;
  Rate rate;
};

void emit_pack(GeneratedModule& generated, const Program& program,
               const TileShape& shape, PackName pack);

/// Where the packed values of one rate stand in their panel.
struct PanelLayout {
  /// The first element of each value, by instruction.
  std::map<int, llvm::Value*> first;
  llvm::Value* elements = nullptr;
};

PanelLayout panel_layout(llvm::IRBuilder<>& ir, const Program& program,
                         Rate rate, const Extents& extents);

/// Returns the type of one number: float or double.
llvm::Type* scalar_type(llvm::LLVMContext& context, DType dtype);

}  // namespace gramless
