// SPDX-License-Identifier: MIT
// What a kernel has, whatever it computes: its parameter, the threads' places
// in the grid, the memory that they share, and loops.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gramless/codegen/loops.h"
#include "gramless/codegen/module.h"

namespace gramless {

/// How a kernel is declared.
struct KernelDeclaration {
  const char* name = nullptr;
  std::size_t parameter_bytes = 0;
  /// Of a block.
  int threads = 1;
  /// Blocks that a multiprocessor has registers for, at least.
  int resident_blocks = 1;
};

class KernelFrame {
 public:
  /// Starts a kernel.
  KernelFrame(GeneratedModule& generated, const KernelDeclaration& declared);

 protected:
  /// Loads a number of the parameter, so many bytes behind its start.
  llvm::Value* parameter(std::size_t offset);
  llvm::Value* parameter_pointer(std::size_t offset);
  /// Returns the address of what is there.
  llvm::Value* parameter_at(std::size_t offset);

  llvm::Value* thread();
  llvm::Value* block_x();
  llvm::Value* block_y();
  llvm::Value* block_z();
  llvm::Value* blocks_x();
  /// Waits for all threads of the block.
  void synchronize();
  /// Returns the memory that the threads of a block share, so many bytes behind
  /// its start.
  llvm::Value* shared_at(int64_t bytes);
  /// Returns memory of a thread.
  llvm::Value* allocate(int64_t bytes);
  llvm::Value* bytes_behind(llvm::Value* address, llvm::Value* bytes);
  llvm::Value* word_behind(llvm::Value* address, llvm::Value* words);

  /// Calls a function of the module.
  void call(const char* function, const std::vector<llvm::Value*>& arguments);
  /// Stores a field of a structure that such a function takes.
  void set_field(llvm::Value* structure, std::size_t offset,
                 llvm::Value* value);
  void emit_if(llvm::Value* condition, const std::function<void()>& body);
  using Body = std::function<void(llvm::Value* index)>;
  void for_each(llvm::Value* begin, llvm::Value* end, llvm::Value* step,
                const Body& body);
  /// The same for the range from 0 to a constant.
  void for_each(int64_t count, const Body& body);

  llvm::ConstantInt* number(int64_t value);

  GeneratedModule& generated_;
  llvm::Function* function_;
  llvm::IRBuilder<> ir_;

 private:
  llvm::Value* special_register(llvm::Intrinsic::ID intrinsic);
};

}  // namespace gramless
