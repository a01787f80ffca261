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
#include "gramless/base/check_array.h"
#include "gramless/codegen/module.h"
#include "gramless/error.h"

namespace gramless::testing {
namespace {

constexpr int64_t kSharedBytes = int64_t{1} << 16;
constexpr std::size_t kStackBytes = std::size_t{1} << 18;

/// What a run is planned for.
struct EmulatedDevice {
  GridDevice device = {};
  GridOverrides overrides = {};
  BatchLimits limits = {};
};

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
  int64_t sweeps = 0;
  int64_t launches = 0;
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

void launch(const Code& code, const KernelLaunch& launch,
            std::span<const std::byte> parameter) {
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

void run(const Program& program, Sizes sizes, const Batch& batch,
         const EmulatedDevice& device) {
  std::vector<ArrayView> arguments;
  for (const auto& array : batch.arguments) arguments.push_back(array.first());
  const DType dtype = find_dtype(program.arguments, arguments);
  const GridPlan plan = make_grid_plan(program, sweep_sizes(program, sizes),
                                       dtype, device.device, device.overrides);
  const Code& sweep = code_for(grid_key(program, plan), [&] {
    return generate_grid(program, plan, cuda_target(80));
  });
  const Code& sum =
      code_for(kAddKernel, [] { return generate_add(cuda_target(80)); });
  const BatchLaunches launches(program, plan, batch, device.limits);
  const int64_t bytes = launches.workspace_bytes();
  const checked::GuardedArray workspace(DType::float64, {bytes / 8},
                                        checked::Edge::end);
  std::fill_n(static_cast<std::byte*>(workspace.view().data), bytes,
              kUntouched);
  launches.queue(
      workspace.view().data,
      [&](const KernelLaunch& each, std::span<const std::byte> bytes_of) {
        const bool is_sum = each.kernel == std::string_view(kAddKernel);
        launch(is_sum ? sum : sweep, each, bytes_of);
        ++machine().launches;
      });
  ++machine().sweeps;
}

/// Returns the choices that a test forces on all backends.
GridOverrides forced_by(const RunOptions& options) {
  GridOverrides overrides;
  overrides.tile = options.forced.plan;
  overrides.tile.lanes.reset();
  overrides.tile.lanes_along_kept.reset();
  return overrides;
}

EmulatedDevice small_device(const RunOptions& options) {
  EmulatedDevice device{{1}, forced_by(options)};
  device.overrides.threads = 4;
  return device;
}

EmulatedDevice few_blocks(const RunOptions& options) {
  EmulatedDevice device{{1}, forced_by(options)};
  device.overrides.threads = 2;
  device.overrides.blocks = 3;
  device.overrides.is_own_in_workspace = true;
  device.overrides.is_panel_in_workspace = true;
  return device;
}

EmulatedDevice warps(const RunOptions& options) {
  EmulatedDevice device{{}, forced_by(options)};
  device.overrides.threads = 32;
  return device;
}

}  // namespace

int64_t emulated_sweeps() { return machine().sweeps; }

int64_t emulated_launches() { return machine().launches; }

void run_on_grid(const Program& program, Sizes sizes,
                 std::span<const ArrayView> arguments,
                 std::span<const MutableArrayView> results,
                 const RunOptions& options) {
  run(program, sizes, batch_of_one(arguments, results), small_device(options));
}

void run_on_few_blocks(const Program& program, Sizes sizes,
                       std::span<const ArrayView> arguments,
                       std::span<const MutableArrayView> results,
                       const RunOptions& options) {
  run(program, sizes, batch_of_one(arguments, results), few_blocks(options));
}

void run_on_warps(const Program& program, Sizes sizes,
                  std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results,
                  const RunOptions& options) {
  run(program, sizes, batch_of_one(arguments, results), warps(options));
}

void run_batch_on_grid(const Program& program, Sizes sizes, const Batch& batch,
                       const BatchLimits& limits) {
  EmulatedDevice device = small_device({});
  device.limits = limits;
  run(program, sizes, batch, device);
}

void run_batch_on_few_blocks(const Program& program, Sizes sizes,
                             const Batch& batch, const BatchLimits& limits) {
  EmulatedDevice device = few_blocks({});
  device.limits = limits;
  run(program, sizes, batch, device);
}

}  // namespace gramless::testing
