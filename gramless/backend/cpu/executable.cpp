// SPDX-License-Identifier: MIT
// Compiles modules in memory, by LLVM's ORC.
#include "gramless/backend/cpu/executable.h"

#include <llvm/Config/llvm-config.h>
#include <llvm/ExecutionEngine/Orc/CompileUtils.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <mutex>

#include "gramless/codegen/module.h"
#include "gramless/error.h"

namespace gramless::cpu {
namespace {

/// Returns the value, or throws the error as a CompileError.
template <class T>
T checked(llvm::Expected<T> value) {
  if (!value) {
    throw CompileError("Gramless could not compile a kernel: " +
                       llvm::toString(value.takeError()) + ".");
  }
  return std::move(*value);
}

void checked(llvm::Error error) {
  if (error) {
    throw CompileError("Gramless could not compile a kernel: " +
                       llvm::toString(std::move(error)) + ".");
  }
}

void initialize_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    set_llvm_options();
  });
}

std::unique_ptr<llvm::TargetMachine> make_target_machine(const Target& target) {
  initialize_llvm();
  std::string problem;
  const llvm::Triple triple(target.triple);
  const llvm::Target* found =
      llvm::TargetRegistry::lookupTarget(triple, problem);
  if (found == nullptr) throw CompileError("LLVM: " + problem);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  std::unique_ptr<llvm::TargetMachine> machine(found->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Less, /*JIT=*/true));
  if (!machine) throw CompileError("LLVM has no code generator here.");
  return machine;
}

/// Compiles into an object file or assembly, in memory.
llvm::SmallVector<char, 0> emit(const Target& target, llvm::Module& module,
                                llvm::CodeGenFileType type) {
  const auto machine = make_target_machine(target);
  module.setDataLayout(machine->createDataLayout());
  llvm::SmallVector<char, 0> buffer;
  llvm::raw_svector_ostream stream(buffer);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, type)) {
    throw CompileError("LLVM cannot write code here.");
  }
  passes.run(module);
  return buffer;
}

}  // namespace

struct Executable::State {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

// One linker per executable: cheap, and destroying it unmaps everything it
// mapped. It runs on this thread and resolves no symbols of the process.
Executable::Executable(GeneratedModule generated)
    : state_(std::make_unique<State>()) {
  auto object = std::make_unique<llvm::SmallVectorMemoryBuffer>(
      emit(generated.target, *generated.module,
           llvm::CodeGenFileType::ObjectFile),
      /*RequiresNullTerminator=*/false);
  llvm::orc::JITTargetMachineBuilder builder(
      llvm::Triple(generated.target.triple));
  state_->jit = checked(llvm::orc::LLJITBuilder()
                            .setJITTargetMachineBuilder(builder)
                            .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                            .setLinkProcessSymbolsByDefault(false)
                            .create());
  checked(state_->jit->addObjectFile(std::move(object)));
}

Executable::Executable(Executable&&) noexcept = default;
Executable& Executable::operator=(Executable&&) noexcept = default;
Executable::~Executable() = default;

void* Executable::address(const std::string& function) const {
  return checked(state_->jit->lookup(function)).toPtr<void*>();
}

std::string llvm_version() { return LLVM_VERSION_STRING; }

std::string assembly(const GeneratedModule& generated) {
  const auto copy = llvm::CloneModule(*generated.module);
  const auto text =
      emit(generated.target, *copy, llvm::CodeGenFileType::AssemblyFile);
  return {text.begin(), text.end()};
}

}  // namespace gramless::cpu
