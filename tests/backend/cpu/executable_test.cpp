// SPDX-License-Identifier: MIT
// Tests that modules are compiled, run and freed.
#include "gramless/backend/cpu/executable.h"

#include <gtest/gtest.h>
#include <llvm/IR/IRBuilder.h>

#include "gramless/codegen/module.h"
#include "gramless/error.h"

namespace gramless {
namespace {

/// Returns a module with a function add(a, b) = a + b.
GeneratedModule addition(VectorIsa isa) {
  GeneratedModule generated = make_module(host_target(isa), "addition");
  llvm::Type* number = llvm::Type::getDoubleTy(*generated.context);
  llvm::Function* function =
      add_function(generated, "add",
                   llvm::FunctionType::get(number, {number, number}, false));
  llvm::IRBuilder<> ir(
      llvm::BasicBlock::Create(*generated.context, "entry", function));
  ir.CreateRet(ir.CreateFAdd(function->getArg(0), function->getArg(1)));
  verify(generated);
  return generated;
}

TEST(Executable, RunsWithAnyInstructions) {
  for (const VectorIsa isa :
       {VectorIsa::baseline, VectorIsa::avx2, VectorIsa::avx512}) {
    const cpu::Executable executable(addition(isa));
    EXPECT_EQ(executable.function<double(double, double)>("add")(1, 2), 3);
  }
}

TEST(Executable, UsesNoInstructionsAboveTheTarget) {
  EXPECT_EQ(cpu::assembly(addition(VectorIsa::baseline)).find("vadd"),
            std::string::npos);
}

TEST(Executable, KnowsItsFunctionsOnly) {
  const cpu::Executable executable(addition(VectorIsa::baseline));
  EXPECT_THROW(static_cast<void>(executable.address("subtract")), CompileError);
}

TEST(Target, DoesNotGoAboveTheGivenInstructions) {
  const Target target = host_target(VectorIsa::baseline);
  EXPECT_EQ(target.isa, VectorIsa::baseline);
  EXPECT_EQ(target.vector_bytes, 16);
  EXPECT_EQ(target.features.find("+avx"), std::string::npos);
}

}  // namespace
}  // namespace gramless
