// SPDX-License-Identifier: MIT
// Writes PTX, by LLVM.
#include "gramless/backend/cuda/ptx.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <mutex>

#include "gramless/codegen/module.h"
#include "gramless/error.h"

extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

namespace gramless::cuda {
namespace {

void initialize_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    set_llvm_options();
  });
}

}  // namespace

std::string ptx(GeneratedModule generated) {
  initialize_llvm();
  const Target& target = generated.target;
  const llvm::Triple triple(target.triple);
  std::string problem;
  const llvm::Target* found =
      llvm::TargetRegistry::lookupTarget(triple, problem);
  if (found == nullptr) throw CompileError("LLVM: " + problem);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  const std::unique_ptr<llvm::TargetMachine> machine(
      found->createTargetMachine(triple, target.cpu, target.features, options,
                                 std::nullopt, std::nullopt,
                                 llvm::CodeGenOptLevel::Default));
  if (!machine) throw CompileError("LLVM has no code generator for GPUs.");
  generated.module->setDataLayout(machine->createDataLayout());
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   llvm::CodeGenFileType::AssemblyFile)) {
    throw CompileError("LLVM cannot write code for GPUs here.");
  }
  passes.run(*generated.module);
  return {buffer.begin(), buffer.end()};
}

}  // namespace gramless::cuda
