// SPDX-License-Identifier: MIT
// A unit of generated code, before it is compiled.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <memory>
#include <string>

#include "gramless/codegen/target.h"

namespace gramless {

/// LLVM IR for one target, in a context of its own.
struct GeneratedModule {
  Target target;
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
};

/// Returns an empty module for a target.
GeneratedModule make_module(const Target& target, const std::string& name);

/// Adds a function with the attributes of generated code: nounwind, and vectors
/// as wide as the target's.
llvm::Function* add_function(GeneratedModule& generated,
                             const std::string& name, llvm::FunctionType* type);

/// Loads a field of the structure at an address, so many bytes behind it.
llvm::Value* load_field(llvm::IRBuilder<>& ir, llvm::Value* address,
                        std::size_t offset, llvm::Type* type);

/// Leaves out LLVM's pass that makes addresses of loops cheaper: a fifth of the
/// compile time, for addresses that are written as they should be.
void set_llvm_options();

/// Throws an InternalError if LLVM finds the module inconsistent.
void verify(const GeneratedModule& generated);

/// Returns the module as text.
std::string to_text(const GeneratedModule& generated);

}  // namespace gramless
