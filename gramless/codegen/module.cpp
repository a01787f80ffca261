// SPDX-License-Identifier: MIT
// Makes and checks modules.
#include "gramless/codegen/module.h"

#include <llvm/IR/Verifier.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Triple.h>

#include "gramless/error.h"

namespace gramless {
namespace {

/// Returns what sets denormal arguments and results of float32 to 0: a GPU has
/// no mode for it.
llvm::AttrBuilder flush_denormals(llvm::LLVMContext& context) {
  const llvm::DenormalMode flush = llvm::DenormalMode::getPreserveSign();
  llvm::AttrBuilder attributes(context);
  attributes.addDenormalFPEnvAttr(
      llvm::DenormalFPEnv(llvm::DenormalMode::getIEEE(), flush));
  return attributes;
}

}  // namespace

GeneratedModule make_module(const Target& target, const std::string& name) {
  GeneratedModule generated{target, std::make_unique<llvm::LLVMContext>(),
                            nullptr};
  generated.module = std::make_unique<llvm::Module>(name, *generated.context);
  const llvm::Triple triple(target.triple);
  generated.module->setTargetTriple(triple);
  if (target.is_cuda)
    generated.module->setDataLayout(triple.computeDataLayout());
  return generated;
}

llvm::Function* add_function(GeneratedModule& generated,
                             const std::string& name,
                             llvm::FunctionType* type) {
  llvm::Function* function = llvm::Function::Create(
      type, llvm::Function::ExternalLinkage, name, generated.module.get());
  const std::string bits = std::to_string(8 * generated.target.vector_bytes);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr("target-cpu", generated.target.cpu);
  function->addFnAttr("target-features", generated.target.features);
  if (generated.target.is_cuda) {
    function->addFnAttrs(flush_denormals(function->getContext()));
    return function;
  }
  // Without these two, LLVM splits 512-bit vectors on some processors.
  function->addFnAttr("prefer-vector-width", bits);
  function->addFnAttr("min-legal-vector-width", bits);
  return function;
}

llvm::Value* load_field(llvm::IRBuilder<>& ir, llvm::Value* address,
                        std::size_t offset, llvm::Type* type) {
  return ir.CreateLoad(type,
                       ir.CreateConstGEP1_64(ir.getInt8Ty(), address, offset));
}

// There is no other switch for the pass.
void set_llvm_options() {
  const auto& options = llvm::cl::getRegisteredOptions();
  const auto found = options.find("disable-lsr");
  if (found == options.end()) return;
  found->second->addOccurrence(0, "disable-lsr", "true");
}

void verify(const GeneratedModule& generated) {
  std::string problem;
  llvm::raw_string_ostream stream(problem);
  if (llvm::verifyModule(*generated.module, &stream)) {
    throw InternalError("verify(): the generated code is wrong: " + problem);
  }
}

std::string to_text(const GeneratedModule& generated) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  generated.module->print(stream, nullptr);
  return text;
}

}  // namespace gramless
