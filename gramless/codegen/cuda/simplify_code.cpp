// SPDX-License-Identifier: MIT
// Runs those few of LLVM's passes that a GPU needs: there, addresses of
// registers cost a trip to memory.
#include "gramless/codegen/cuda/simplify_code.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/InitializePasses.h>
#include <llvm/PassRegistry.h>
#include <llvm/Transforms/Scalar.h>
#include <llvm/Transforms/Utils.h>
#include <llvm/Transforms/Utils/Cloning.h>

namespace gramless {
namespace {

/// Instructions of an unrolled loop, at most.
constexpr int kUnrolled = 4000;

/// Returns whether a function is a kernel or stays one: the reduction of large
/// angles, which few values take.
bool is_kept(const llvm::Function& function) {
  return function.getCallingConv() == llvm::CallingConv::PTX_Kernel ||
         function.hasInternalLinkage() || function.isDeclaration();
}

void inline_functions(llvm::Module& module) {
  std::vector<llvm::Function*> inlined;
  for (llvm::Function& function : module) {
    if (!is_kept(function)) inlined.push_back(&function);
  }
  for (llvm::Function* function : inlined) {
    while (!function->use_empty()) {
      llvm::InlineFunctionInfo info;
      llvm::InlineFunction(*llvm::cast<llvm::CallBase>(function->user_back()),
                           info);
    }
    function->eraseFromParent();
  }
}

void initialize_passes() {
  llvm::PassRegistry& registry = *llvm::PassRegistry::getPassRegistry();
  llvm::initializeCore(registry);
  llvm::initializeSROALegacyPassPass(registry);
  llvm::initializeEarlyCSELegacyPassPass(registry);
  llvm::initializeLoopUnrollPass(registry);
  llvm::initializeCFGSimplifyPassPass(registry);
  llvm::initializeDCELegacyPassPass(registry);
}

}  // namespace

void simplify_kernels(GeneratedModule& generated) {
  llvm::Module& module = *generated.module;
  inline_functions(module);
  initialize_passes();
  llvm::legacy::FunctionPassManager passes(&module);
  passes.add(llvm::createSROAPass());
  passes.add(llvm::createEarlyCSEPass());
  passes.add(llvm::createLoopUnrollPass(
      /*OptLevel=*/2, /*OnlyWhenForced=*/false, /*ForgetAllSCEV=*/false,
      kUnrolled, /*Count=*/-1, /*AllowPartial=*/0, /*Runtime=*/0,
      /*UpperBound=*/0, /*AllowPeeling=*/0));
  passes.add(llvm::createSROAPass());
  passes.add(llvm::createEarlyCSEPass());
  passes.add(llvm::createCFGSimplificationPass());
  passes.add(llvm::createDeadCodeEliminationPass());
  passes.doInitialization();
  for (llvm::Function& function : module) {
    if (!function.isDeclaration()) passes.run(function);
  }
  passes.doFinalization();
}

}  // namespace gramless
