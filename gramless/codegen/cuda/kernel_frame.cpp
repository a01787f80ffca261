// SPDX-License-Identifier: MIT
// Implements what a kernel has, whatever it computes.
#include "gramless/codegen/cuda/kernel_frame.h"

#include <llvm/IR/IntrinsicsNVPTX.h>

#include "gramless/codegen/sweep_code.h"

namespace gramless {
namespace {

/// LLVM's numbers of the address spaces of NVPTX.
constexpr unsigned kShared = 3;

constexpr const char* kSharedMemory = "gramless_shared";
constexpr uint64_t kParameterAlignment = 8;

/// The memory of a block, whose size a launch tells.
llvm::GlobalVariable* shared_memory(llvm::Module& module) {
  if (auto* known = module.getGlobalVariable(kSharedMemory)) return known;
  auto* memory = new llvm::GlobalVariable(
      module,
      llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()), 0),
      /*isConstant=*/false, llvm::GlobalValue::ExternalLinkage, nullptr,
      kSharedMemory, nullptr, llvm::GlobalValue::NotThreadLocal, kShared);
  memory->setAlignment(llvm::Align(kPanelAlignment));
  return memory;
}

/// Declares a kernel with one parameter, by value.
llvm::Function* declare(GeneratedModule& generated,
                        const KernelDeclaration& declared) {
  llvm::LLVMContext& context = *generated.context;
  llvm::Function* function = add_function(
      generated, declared.name,
      llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                              {llvm::PointerType::get(context, 0)}, false));
  function->setCallingConv(llvm::CallingConv::PTX_Kernel);
  function->addFnAttr("nvvm.maxntid", std::to_string(declared.threads));
  function->addFnAttr("nvvm.minctasm",
                      std::to_string(declared.resident_blocks));
  llvm::Type* type = llvm::ArrayType::get(llvm::Type::getInt8Ty(context),
                                          declared.parameter_bytes);
  function->addParamAttr(0, llvm::Attribute::getWithByValType(context, type));
  function->addParamAttr(0, llvm::Attribute::getWithAlignment(
                                context, llvm::Align(kParameterAlignment)));
  return function;
}

}  // namespace

KernelFrame::KernelFrame(GeneratedModule& generated,
                         const KernelDeclaration& declared)
    : generated_(generated),
      function_(declare(generated, declared)),
      ir_(llvm::BasicBlock::Create(*generated.context, "entry", function_)) {}

llvm::ConstantInt* KernelFrame::number(int64_t value) {
  return ir_.getInt64(static_cast<uint64_t>(value));
}

llvm::Value* KernelFrame::parameter(std::size_t offset) {
  return load_field(ir_, function_->getArg(0), offset, ir_.getInt64Ty());
}

llvm::Value* KernelFrame::parameter_pointer(std::size_t offset) {
  return load_field(ir_, function_->getArg(0), offset, ir_.getPtrTy());
}

llvm::Value* KernelFrame::parameter_at(std::size_t offset) {
  return ir_.CreateConstGEP1_64(ir_.getInt8Ty(), function_->getArg(0), offset);
}

llvm::Value* KernelFrame::special_register(llvm::Intrinsic::ID intrinsic) {
  return ir_.CreateZExt(ir_.CreateIntrinsic(ir_.getInt32Ty(), intrinsic, {}),
                        ir_.getInt64Ty());
}

llvm::Value* KernelFrame::thread() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_tid_x);
}

llvm::Value* KernelFrame::block_x() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x);
}

llvm::Value* KernelFrame::block_y() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_y);
}

llvm::Value* KernelFrame::block_z() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_z);
}

llvm::Value* KernelFrame::blocks_x() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_nctaid_x);
}

void KernelFrame::synchronize() {
  ir_.CreateIntrinsic(ir_.getVoidTy(),
                      llvm::Intrinsic::nvvm_barrier_cta_sync_aligned_all,
                      {ir_.getInt32(0)});
}

llvm::Value* KernelFrame::shared_at(int64_t bytes) {
  llvm::Value* memory = ir_.CreateAddrSpaceCast(
      shared_memory(*generated_.module), ir_.getPtrTy());
  return bytes_behind(memory, number(bytes));
}

llvm::Value* KernelFrame::allocate(int64_t bytes) {
  const llvm::IRBuilderBase::InsertPointGuard guard(ir_);
  llvm::BasicBlock& entry = function_->getEntryBlock();
  ir_.SetInsertPoint(&entry, entry.begin());
  auto* memory = ir_.CreateAlloca(
      llvm::ArrayType::get(ir_.getInt8Ty(), static_cast<uint64_t>(bytes)));
  memory->setAlignment(llvm::Align(kPanelAlignment));
  return memory;
}

llvm::Value* KernelFrame::bytes_behind(llvm::Value* address,
                                       llvm::Value* bytes) {
  return ir_.CreateGEP(ir_.getInt8Ty(), address, bytes);
}

llvm::Value* KernelFrame::word_behind(llvm::Value* address,
                                      llvm::Value* words) {
  return ir_.CreateGEP(ir_.getInt64Ty(), address, words);
}

void KernelFrame::call(const char* function,
                       const std::vector<llvm::Value*>& arguments) {
  ir_.CreateCall(generated_.module->getFunction(function), arguments);
}

void KernelFrame::set_field(llvm::Value* structure, std::size_t offset,
                            llvm::Value* value) {
  ir_.CreateStore(value,
                  ir_.CreateConstGEP1_64(ir_.getInt8Ty(), structure, offset));
}

void KernelFrame::emit_if(llvm::Value* condition,
                          const std::function<void()>& body) {
  llvm::LLVMContext& context = *generated_.context;
  auto* inside = llvm::BasicBlock::Create(context, "inside", function_);
  auto* behind = llvm::BasicBlock::Create(context, "behind", function_);
  ir_.CreateCondBr(condition, inside, behind);
  ir_.SetInsertPoint(inside);
  body();
  ir_.CreateBr(behind);
  ir_.SetInsertPoint(behind);
}

void KernelFrame::for_each(llvm::Value* begin, llvm::Value* end,
                           llvm::Value* step, const Body& body) {
  emit_loop(ir_, {begin, end, step}, {},
            [&](llvm::Value* index, const Registers&) -> Registers {
              body(index);
              return {};
            });
}

void KernelFrame::for_each(int64_t count, const Body& body) {
  for_each(number(0), number(count), number(1), body);
}

}  // namespace gramless
