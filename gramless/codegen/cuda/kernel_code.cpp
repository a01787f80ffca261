// SPDX-License-Identifier: MIT
// Implements what all kernels have.
#include "gramless/codegen/cuda/kernel_code.h"

#include <llvm/IR/IntrinsicsNVPTX.h>

#include <cstddef>

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

}  // namespace

std::size_t parameter_bytes(const Program& program, const GridPlan& plan) {
  return sizeof(GridParameters) +
         program.arguments.size() * sizeof(ArrayPointer) +
         program.results.size() * sizeof(ResultPointer) +
         long_axes(program, plan.tile).size() * sizeof(int64_t);
}

KernelCode::KernelCode(GeneratedModule& generated, const Program& program,
                       const GridPlan& plan, const char* name)
    : generated_(generated),
      program_(program),
      plan_(plan),
      function_(declare(generated, program, plan, name)),
      ir_(llvm::BasicBlock::Create(*generated.context, "entry", function_)),
      math_(ir_, generated.target),
      memory_(ir_, plan.tile),
      reductions_(ir_, math_, memory_, {plan.tile, generated.target}) {}

llvm::Function* KernelCode::declare(GeneratedModule& generated,
                                    const Program& program,
                                    const GridPlan& plan, const char* name) {
  llvm::LLVMContext& context = *generated.context;
  llvm::Function* function = add_function(
      generated, name,
      llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                              {llvm::PointerType::get(context, 0)}, false));
  function->setCallingConv(llvm::CallingConv::PTX_Kernel);
  function->addFnAttr("nvvm.maxntid", std::to_string(plan.threads));
  function->addFnAttr("nvvm.minctasm", std::to_string(plan.resident_blocks));
  llvm::Type* type = llvm::ArrayType::get(llvm::Type::getInt8Ty(context),
                                          parameter_bytes(program, plan));
  function->addParamAttr(0, llvm::Attribute::getWithByValType(context, type));
  function->addParamAttr(0, llvm::Attribute::getWithAlignment(
                                context, llvm::Align(kParameterAlignment)));
  return function;
}

llvm::ConstantInt* KernelCode::number(int64_t value) {
  return ir_.getInt64(static_cast<uint64_t>(value));
}

llvm::Value* KernelCode::parameter(std::size_t offset) {
  return load_field(ir_, function_->getArg(0), offset, ir_.getInt64Ty());
}

llvm::Value* KernelCode::workspace_at(std::size_t offset) {
  llvm::Value* workspace =
      load_field(ir_, function_->getArg(0), offsetof(GridParameters, workspace),
                 ir_.getPtrTy());
  return bytes_behind(workspace, parameter(offset));
}

llvm::Value* KernelCode::behind_parameters(std::size_t bytes) {
  return ir_.CreateConstGEP1_64(ir_.getInt8Ty(), function_->getArg(0),
                                sizeof(GridParameters) + bytes);
}

llvm::Value* KernelCode::arguments() { return behind_parameters(0); }

llvm::Value* KernelCode::results() {
  return behind_parameters(program_.arguments.size() * sizeof(ArrayPointer));
}

llvm::Value* KernelCode::extents() {
  return behind_parameters(program_.arguments.size() * sizeof(ArrayPointer) +
                           program_.results.size() * sizeof(ResultPointer));
}

llvm::Value* KernelCode::special_register(llvm::Intrinsic::ID intrinsic) {
  return ir_.CreateZExt(ir_.CreateIntrinsic(ir_.getInt32Ty(), intrinsic, {}),
                        ir_.getInt64Ty());
}

llvm::Value* KernelCode::thread() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_tid_x);
}

llvm::Value* KernelCode::block_x() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x);
}

llvm::Value* KernelCode::block_y() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_y);
}

llvm::Value* KernelCode::blocks_x() {
  return special_register(llvm::Intrinsic::nvvm_read_ptx_sreg_nctaid_x);
}

void KernelCode::synchronize() {
  ir_.CreateIntrinsic(ir_.getVoidTy(),
                      llvm::Intrinsic::nvvm_barrier_cta_sync_aligned_all,
                      {ir_.getInt32(0)});
}

llvm::Value* KernelCode::shared_at(int64_t bytes) {
  llvm::Value* memory = ir_.CreateAddrSpaceCast(
      shared_memory(*generated_.module), ir_.getPtrTy());
  return bytes_behind(memory, number(bytes));
}

llvm::Value* KernelCode::allocate(int64_t bytes) {
  const llvm::IRBuilderBase::InsertPointGuard guard(ir_);
  llvm::BasicBlock& entry = function_->getEntryBlock();
  ir_.SetInsertPoint(&entry, entry.begin());
  auto* memory = ir_.CreateAlloca(
      llvm::ArrayType::get(ir_.getInt8Ty(), static_cast<uint64_t>(bytes)));
  memory->setAlignment(llvm::Align(kPanelAlignment));
  return memory;
}

llvm::Value* KernelCode::bytes_behind(llvm::Value* address,
                                      llvm::Value* bytes) {
  return ir_.CreateGEP(ir_.getInt8Ty(), address, bytes);
}

llvm::Value* KernelCode::word_behind(llvm::Value* address, llvm::Value* words) {
  return ir_.CreateGEP(ir_.getInt64Ty(), address, words);
}

void KernelCode::call(const char* function,
                      const std::vector<llvm::Value*>& arguments) {
  ir_.CreateCall(generated_.module->getFunction(function), arguments);
}

void KernelCode::set_field(llvm::Value* structure, std::size_t offset,
                           llvm::Value* value) {
  ir_.CreateStore(value,
                  ir_.CreateConstGEP1_64(ir_.getInt8Ty(), structure, offset));
}

void KernelCode::emit_if(llvm::Value* condition,
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

void KernelCode::for_each(llvm::Value* begin, llvm::Value* end,
                          llvm::Value* step, const Body& body) {
  emit_loop(ir_, {begin, end, step}, {},
            [&](llvm::Value* index, const Registers&) -> Registers {
              body(index);
              return {};
            });
}

void KernelCode::for_each(int64_t count, const Body& body) {
  for_each(number(0), number(count), number(1), body);
}

WordAddress KernelCode::state_of(llvm::Value* thread) {
  llvm::Value* first =
      word_behind(shared_at(plan_.shared_call_bytes()),
                  ir_.CreateMul(thread, number(int64_t{kMostWords})));
  return [this, first](std::size_t word) {
    return word_behind(first, ir_.getInt64(word));
  };
}

/// They are stored by word, element and block.
WordAddress KernelCode::partial_sum(llvm::Value* element, llvm::Value* block) {
  llvm::Value* sums = workspace_at(offsetof(GridParameters, layout.sums));
  llvm::Value* places = parameter(offsetof(GridParameters, partial_places));
  llvm::Value* index = ir_.CreateAdd(ir_.CreateMul(element, places), block);
  llvm::Value* plane = ir_.CreateMul(places, number(shared_width(program_)));
  return [=, this](std::size_t word) {
    llvm::Value* behind = ir_.CreateMul(plane, ir_.getInt64(word));
    return word_behind(sums, ir_.CreateAdd(index, behind));
  };
}

void KernelCode::merge_threads(Reduction reduction, const WordAddress& own) {
  llvm::Value* thread = this->thread();
  synchronize();
  reductions_.copy(reduction, own, state_of(thread));
  synchronize();
  for (int64_t step = 1; step < plan_.threads; step *= 2) {
    llvm::Value* behind = ir_.CreateAnd(thread, number(2 * step - 1));
    emit_if(ir_.CreateICmpEQ(behind, number(0)), [&] {
      reductions_.merge(reduction,
                        state_of(ir_.CreateAdd(thread, number(step))),
                        state_of(thread));
    });
    synchronize();
  }
}

void KernelCode::for_each_element(
    Kept kept, const std::function<void(const ProgramOutput& output,
                                        llvm::Value* element)>& body) {
  int64_t first = 0;
  for (const ProgramOutput& output : program_.outputs) {
    if (output.kept != kept) continue;
    const int64_t width = program_.results[output.output].width();
    for_each(number(first), number(first + width), number(1),
             [&](llvm::Value* element) { body(output, element); });
    first += width;
  }
}

}  // namespace gramless
