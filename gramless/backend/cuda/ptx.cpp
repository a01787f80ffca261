// SPDX-License-Identifier: MIT
// Writes PTX, by LLVM.
#include "gramless/backend/cuda/ptx.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>

#include <charconv>
#include <mutex>

#include "gramless/backend/backend.h"
#include "gramless/base/fork_lock.h"
#include "gramless/base/text.h"
#include "gramless/codegen/cost.h"
#include "gramless/codegen/cuda/grid_code.h"
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

int capability_of(std::string_view arch) {
  constexpr std::string_view kPrefix = "sm_";
  constexpr int kLeast = 75;
  int capability = 0;
  const char* end = arch.data() + arch.size();
  if (arch.starts_with(kPrefix)) {
    const auto [behind, error] =
        std::from_chars(arch.data() + kPrefix.size(), end, capability);
    if (error == std::errc() && behind == end && capability >= kLeast) {
      return capability;
    }
  }
  throw ArgumentError(
      concat("explain(): expected arch 'sm_75' or that of a newer GPU, got '",
             arch, "'."));
}

std::string ptx(GeneratedModule generated) {
  initialize_llvm();
  const Target& target = generated.target;
  const llvm::Triple triple(target.triple);
  std::string problem;
  const llvm::Target* found =
      llvm::TargetRegistry::lookupTarget(triple, problem);
  if (found == nullptr) throw CompileError("LLVM: " + problem);
  const std::unique_ptr<llvm::MCSubtargetInfo> known(
      found->createMCSubtargetInfo(triple, "", ""));
  if (!known->isCPUStringValid(target.cpu)) {
    throw CompileError(concat("LLVM knows no GPU '", target.cpu, "'."));
  }
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  const std::unique_ptr<llvm::TargetMachine> machine(found->createTargetMachine(
      triple, target.cpu, target.features, options, std::nullopt, std::nullopt,
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

std::string explain(const Program& program, Sizes sizes, DType dtype,
                    std::string_view arch) {
  const Target target = cuda_target(capability_of(arch));
  const GridPlan plan =
      make_grid_plan(program, sweep_sizes(program, sizes), dtype, {}, {},
                     /*has_reasons=*/true);
  // All use of LLVM waits for forks.
  const std::scoped_lock lock(fork_lock(ForkLock::first_use));
  return concat(to_text(program), "\n", to_text(plan), "  instructions: ", arch,
                "; arithmetic takes ",
                pair_instructions(program, plan.tile, target), " for a pair, ",
                pair_special_functions(program, plan.tile, target),
                " of them of special functions\n\nPTX for ", arch, "\n",
                ptx(generate_grid(program, plan, target)));
}

}  // namespace gramless::cuda
