// SPDX-License-Identifier: MIT
// Implements the emulation.
#include "codegen/cuda/emulated_grid.h"

#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/IntrinsicsNVPTX.h>
#include <ucontext.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>

#include "gramless/backend/checked/guarded_array.h"
#include "gramless/backend/cpu/denormals.h"
#include "gramless/backend/cpu/executable.h"
#include "gramless/codegen/module.h"
#include "gramless/error.h"

namespace gramless::testing {
namespace {

constexpr int64_t kSharedBytes = int64_t{1} << 16;
constexpr std::size_t kStackBytes = std::size_t{1} << 18;

// The threads of a block.

class Block {
 public:
  /// Runs all threads of a block up to their ends.
  void run(int threads, const std::function<void()>& body);

  /// Called by a thread: lets the others come to the barrier.
  void wait() { leave(); }

  [[nodiscard]] int thread() const { return running_; }

 private:
  struct Fibre {
    ucontext_t context{};
    std::vector<std::byte> stack = std::vector<std::byte>(kStackBytes);
    bool is_done = false;
  };

  static void enter();

  void leave() {
    swapcontext(&fibres_[static_cast<std::size_t>(running_)].context, &around_);
  }

  ucontext_t around_{};
  std::vector<Fibre> fibres_;
  const std::function<void()>* body_ = nullptr;
  int running_ = 0;
};

struct Machine {
  Block block;
  int block_x = 0;
  int block_y = 0;
  int block_z = 0;
  int blocks_x = 0;
};

Machine& machine() {
  static Machine the_machine;
  return the_machine;
}

void Block::enter() {
  Block& block = machine().block;
  (*block.body_)();
  block.fibres_[static_cast<std::size_t>(block.running_)].is_done = true;
  block.leave();
}

void Block::run(int threads, const std::function<void()>& body) {
  const cpu::FlushDenormals flush;
  body_ = &body;
  fibres_.resize(static_cast<std::size_t>(threads));
  for (Fibre& fibre : fibres_) {
    fibre.is_done = false;
    getcontext(&fibre.context);
    fibre.context.uc_stack.ss_sp = fibre.stack.data();
    fibre.context.uc_stack.ss_size = fibre.stack.size();
    fibre.context.uc_link = nullptr;
    makecontext(&fibre.context, &Block::enter, 0);
  }
  std::size_t done = 0;
  while (done == 0) {
    for (running_ = 0; running_ < threads; ++running_) {
      Fibre& fibre = fibres_[static_cast<std::size_t>(running_)];
      swapcontext(&around_, &fibre.context);
      if (fibre.is_done) ++done;
    }
  }
  if (done < fibres_.size()) {
    throw InternalError("emulated grid: threads wait that others do not meet.");
  }
}

// What kernels call, in the order of kCalls.

int32_t thread_x() { return machine().block.thread(); }
int32_t block_x() { return machine().block_x; }
int32_t block_y() { return machine().block_y; }
int32_t block_z() { return machine().block_z; }
int32_t blocks_x() { return machine().blocks_x; }
void synchronize(int32_t) { machine().block.wait(); }

/// Returns a result with as much error as the special functions of GPUs have,
/// up or down, by the bits of the argument.
float approximate(float x, double result, double error) {
  const bool is_up = std::popcount(std::bit_cast<uint32_t>(x)) % 2 == 0;
  return static_cast<float>(result * (is_up ? 1 + error : 1 - error));
}

float exp2_of(float x) {
  const bool is_exact = x == std::floor(x);
  return approximate(x, std::exp2(static_cast<double>(x)),
                     is_exact ? 0 : 0x1.6ap-23);
}

float reciprocal_of(float x) {
  return approximate(x, 1 / static_cast<double>(x), 0x1p-24);
}

float rsqrt_of(float x) {
  return approximate(x, 1 / std::sqrt(static_cast<double>(x)), 0x1.12p-23);
}

struct Call {
  llvm::Intrinsic::ID intrinsic;
  void* function;
};

const std::array kCalls = {
    Call{llvm::Intrinsic::nvvm_read_ptx_sreg_tid_x,
         reinterpret_cast<void*>(thread_x)},
    Call{llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x,
         reinterpret_cast<void*>(block_x)},
    Call{llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_y,
         reinterpret_cast<void*>(block_y)},
    Call{llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_z,
         reinterpret_cast<void*>(block_z)},
    Call{llvm::Intrinsic::nvvm_read_ptx_sreg_nctaid_x,
         reinterpret_cast<void*>(blocks_x)},
    Call{llvm::Intrinsic::nvvm_barrier_cta_sync_aligned_all,
         reinterpret_cast<void*>(synchronize)},
    Call{llvm::Intrinsic::nvvm_ex2_approx_ftz,
         reinterpret_cast<void*>(exp2_of)},
    Call{llvm::Intrinsic::nvvm_rcp_approx_ftz_f,
         reinterpret_cast<void*>(reciprocal_of)},
    Call{llvm::Intrinsic::nvvm_rsqrt_approx_ftz_f,
         reinterpret_cast<void*>(rsqrt_of)},
};

// The code.

/// Makes a module for this machine of one for a GPU.
class Port {
 public:
  explicit Port(GeneratedModule grid)
      : generated_(std::move(grid)),
        module_(*generated_.module),
        ir_(*generated_.context) {
    generated_.target = host_target();
  }

  GeneratedModule done() {
    const llvm::Triple triple(generated_.target.triple);
    module_.setTargetTriple(triple);
    module_.setDataLayout(triple.computeDataLayout());
    for (llvm::Function& function : module_) {
      function.removeFnAttr("target-cpu");
      function.removeFnAttr("target-features");
      function.addFnAttr("target-cpu", generated_.target.cpu);
      function.addFnAttr("target-features", generated_.target.features);
    }
    define_shared_memory();
    replace_calls();
    std::vector<llvm::Function*> kernels;
    for (llvm::Function& function : module_) {
      if (function.getCallingConv() == llvm::CallingConv::PTX_Kernel) {
        kernels.push_back(&function);
      }
    }
    for (llvm::Function* kernel : kernels) add_entry(kernel);
    verify(generated_);
    return std::move(generated_);
  }

 private:
  void define_shared_memory() {
    llvm::GlobalVariable* declared =
        module_.getGlobalVariable("gramless_shared");
    llvm::Type* type = llvm::ArrayType::get(
        ir_.getInt8Ty(), static_cast<uint64_t>(kSharedBytes));
    auto* memory = new llvm::GlobalVariable(
        module_, type, false, llvm::GlobalValue::ExternalLinkage,
        llvm::Constant::getNullValue(type), "shared_memory", nullptr,
        llvm::GlobalValue::NotThreadLocal, 3);
    memory->setAlignment(llvm::Align(16));
    if (declared == nullptr) return;
    declared->replaceAllUsesWith(memory);
    declared->eraseFromParent();
  }

  /// Calls of intrinsics become calls of what is in a table.
  void replace_calls() {
    llvm::Type* type = llvm::ArrayType::get(ir_.getPtrTy(), kCalls.size());
    auto* table = new llvm::GlobalVariable(
        module_, type, false, llvm::GlobalValue::ExternalLinkage,
        llvm::Constant::getNullValue(type), "calls");
    std::vector<llvm::IntrinsicInst*> calls;
    for (llvm::Function& function : module_) {
      for (llvm::BasicBlock& block : function) {
        for (llvm::Instruction& instruction : block) {
          auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
          if (call != nullptr && place_of(*call) < kCalls.size()) {
            calls.push_back(call);
          }
        }
      }
    }
    for (llvm::IntrinsicInst* call : calls) {
      ir_.SetInsertPoint(call);
      llvm::Value* function = ir_.CreateLoad(
          ir_.getPtrTy(),
          ir_.CreateConstGEP1_64(ir_.getPtrTy(), table, place_of(*call)));
      const std::vector<llvm::Value*> operands(call->arg_begin(),
                                               call->arg_end());
      call->replaceAllUsesWith(
          ir_.CreateCall(call->getFunctionType(), function, operands));
      call->eraseFromParent();
    }
  }

  static std::size_t place_of(const llvm::IntrinsicInst& call) {
    std::size_t place = 0;
    while (place < kCalls.size() &&
           kCalls[place].intrinsic != call.getIntrinsicID()) {
      ++place;
    }
    return place;
  }

  /// Adds a function that takes the address of a kernel's parameter.
  void add_entry(llvm::Function* kernel) {
    kernel->setCallingConv(llvm::CallingConv::C);
    auto* entry = llvm::Function::Create(kernel->getFunctionType(),
                                         llvm::Function::ExternalLinkage,
                                         "run_" + kernel->getName(), module_);
    ir_.SetInsertPoint(
        llvm::BasicBlock::Create(*generated_.context, "entry", entry));
    llvm::CallInst* call = ir_.CreateCall(kernel, {entry->getArg(0)});
    call->addParamAttr(
        0, llvm::Attribute::getWithByValType(*generated_.context,
                                             kernel->getParamByValType(0)));
    ir_.CreateRetVoid();
  }

  GeneratedModule generated_;
  llvm::Module& module_;
  llvm::IRBuilder<> ir_;
};

/// Compiled kernels.
struct Code {
  explicit Code(GeneratedModule grid)
      : executable(Port(std::move(grid)).done()),
        shared(static_cast<std::byte*>(executable.address("shared_memory"))) {
    auto* const calls = static_cast<void**>(executable.address("calls"));
    for (std::size_t k = 0; k < kCalls.size(); ++k) {
      calls[k] = kCalls[k].function;
    }
  }

  cpu::Executable executable;
  std::byte* shared;
};

using Generate = std::function<GeneratedModule()>;

Code& code_for(const std::string& key, const Generate& generate) {
  static std::map<std::string, Code> codes;
  const auto known = codes.find(key);
  if (known != codes.end()) return known->second;
  return codes.try_emplace(key, generate()).first->second;
}

constexpr std::byte kUntouched{0xff};  // NaN, of any bytes.

void run_block(const Code& code, const KernelLaunch& launch,
               const std::function<void()>& thread) {
  std::fill_n(code.shared, kSharedBytes, kUntouched);
  machine().block.run(launch.threads, thread);
  const bool is_clean =
      std::all_of(code.shared + launch.shared_bytes, code.shared + kSharedBytes,
                  [](std::byte byte) { return byte == kUntouched; });
  if (is_clean) return;
  throw InternalError("emulated grid: bytes behind the shared memory.");
}

/// Returns the code of a program's kernels, or the one that adds up what
/// problems share.
const Code& code_of(const Program& program, const GridPlan& plan,
                    std::string_view kernel) {
  if (kernel == kAddKernel) {
    return code_for(kAddKernel, [] { return generate_add(cuda_target(80)); });
  }
  return code_for(grid_key(program, plan), [&] {
    return generate_grid(program, plan, cuda_target(80));
  });
}

class EmulatedGrid : public GridExecutor {
 public:
  [[nodiscard]] std::string problem() const override { return ""; }

  [[nodiscard]] std::vector<GridChoices> choices() const override {
    return {small_grid(), few_blocks(), {.overrides = {.threads = 32}}};
  }

 private:
  int64_t run_launches(const Program& program, const GridPlan& plan,
                       const Batch& batch, const BatchLimits& limits) override {
    const BatchLaunches launches(program, plan, batch, limits);
    const int64_t bytes = launches.workspace_bytes();
    const checked::GuardedArray workspace(DType::float64, {bytes / 8},
                                          checked::Edge::end);
    std::fill_n(static_cast<std::byte*>(workspace.view().data), bytes,
                kUntouched);
    int64_t count = 0;
    launches.queue(workspace.view().data,
                   [&](const KernelLaunch& each, const auto& parameter) {
                     run_emulated(program, plan, each, parameter);
                     ++count;
                   });
    return count;
  }
};

}  // namespace

GridExecutor& emulated_grid() {
  static EmulatedGrid the_grid;
  return the_grid;
}

void run_emulated(const Program& program, const GridPlan& plan,
                  const KernelLaunch& launch,
                  std::span<const std::byte> parameter) {
  const Code& code = code_of(program, plan, launch.kernel);
  auto* const kernel = code.executable.function<void(const void*)>(
      "run_" + std::string(launch.kernel));
  const std::function<void()> thread = [&] { kernel(parameter.data()); };
  Machine& device = machine();
  device.blocks_x = static_cast<int>(launch.blocks_x);
  for (device.block_z = 0; device.block_z < launch.problems; ++device.block_z) {
    for (device.block_y = 0; device.block_y < launch.blocks_y;
         ++device.block_y) {
      for (device.block_x = 0; device.block_x < launch.blocks_x;
           ++device.block_x) {
        run_block(code, launch, thread);
      }
    }
  }
}

}  // namespace gramless::testing
