# SPDX-License-Identifier: MIT
"""What is promised on GPUs."""

from .mutant import Mutant

MUTANTS = [
    Mutant(
        "The context that was current is so again behind a launch.",
        "gramless/backend/cuda/context.cpp",
        "  if (!is_pushed_) return;\n",
        "  return;\n",
        "CudaLaunch.TakesTheContextOfTheStream",
    ),
    Mutant(
        "A context at the address of another one loads its own modules.",
        "gramless/backend/cuda/launch.cpp",
        'concat(context.id, " ", text.number())',
        'concat(reinterpret_cast<uint64_t>(context.handle), " ", '
        "text.number())",
        "CudaLaunch.KnowsAContextAtTheAddressOfAnother",
    ),
    Mutant(
        "Code that a graph points to stays loaded.",
        "gramless/backend/cuda/launch.cpp",
        "if (!is_kept) captured_.push_back(module);",
        "",
        "CudaLaunch.KeepsWhatGraphsPointTo",
    ),
    Mutant(
        "A module may be loaded while a stream is captured.",
        "gramless/backend/cuda/context.h",
        "CaptureMode mode_ = CaptureMode::relaxed;",
        "CaptureMode mode_ = CaptureMode::thread_local_only;",
        "CudaLaunch.LoadsAModuleWhileAStreamIsCaptured",
    ),
    Mutant(
        "A module whose kernels cannot be found is unloaded.",
        "gramless/backend/cuda/module.cpp",
        "        driver.try_call(driver.functions().unload_module, handle_));",
        "        handle_);",
        "CudaErrors.OfEachCallInTurnAreToldAndLeakNothing",
    ),
    Mutant(
        "No function of the driver is called in a child.",
        "gramless/base/fork_lock.cpp",
        "  ++depth;\n",
        "",
        "CudaLaunch.RefusesChildrenOfFork",
    ),
    Mutant(
        "A driver that is too old is named with its version.",
        "gramless/backend/cuda/driver.cpp",
        "constexpr int kOldestVersion = 12000;",
        "constexpr int kOldestVersion = 11000;",
        "CudaDriver.NamesAVersionThatIsTooOld",
    ),
    Mutant(
        "The doctor says that a result is wrong.",
        "gramless/call/doctor.cpp",
        "report.error = relative_error(actual, expected);",
        "report.error = relative_error(expected, expected);",
        "Doctor.TriesEachEngine",
    ),
    Mutant(
        "On a GPU too, sums over rows count each row once.",
        "gramless/codegen/tile_steps.cpp",
        "ahead_.CreateICmpSGE(ahead_.getInt64(row), first)",
        "ahead_.CreateICmpSGE(first, ahead_.getInt64(0 * row))",
        "*GridKernels.AreComputed*",
    ),
    Mutant(
        "No thread reads a chunk before all have packed it.",
        "gramless/codegen/cuda/sweep_kernel.cpp",
        "synchronize();\n    set_field(panels_",
        "set_field(panels_",
        "*GridKernels.AreComputed*",
    ),
    Mutant(
        "All parts of a row are merged.",
        "gramless/codegen/cuda/finish_kernel.cpp",
        "for_each(number(1), parameter(offsetof(GridParameters, splits))",
        "for_each(number(2), parameter(offsetof(GridParameters, splits))",
        "Reductions.ScalesDoNotDrift",
    ),
    Mutant(
        "On a GPU each problem of a batch has its own arrays.",
        "gramless/codegen/cuda/kernel_code.cpp",
        "ir_.CreateMul(problem_, parameter(strides",
        "ir_.CreateMul(number(0), parameter(strides",
        "*GridBatches.OfAnyFormAreComputed*",
    ),
    Mutant(
        "On a GPU each problem of a batch has its own workspace.",
        "gramless/codegen/cuda/kernel_code.cpp",
        "problem_, parameter(offsetof(GridParameters, layout.bytes))",
        "number(0), parameter(offsetof(GridParameters, layout.bytes))",
        "*GridBatch.SumsGradientsOfAllThatProblemsShare*",
    ),
    Mutant(
        "Sums over problems do not depend on what a launch takes.",
        "gramless/codegen/cuda/batch_launches.cpp",
        "slab.is_first[part] ? 0 : 1",
        "0",
        "*GridBatch.SumsGradientsOfAllThatProblemsShare*",
    ),
    Mutant(
        "Dimensions become one only where each array has one stride.",
        "gramless/plan/slabs.cpp",
        "is_one &= last",
        "is_one |= last",
        "Slabs.AreAllProblemsInTheirOrder",
    ),
    Mutant(
        "A module has all its kernels, whichever the first call launches.",
        "gramless/codegen/cuda/grid_code.cpp",
        "std::vector<std::string> names = {kSweepKernel};",
        "std::vector<std::string> names;\n"
        "  if (plan.blocks > 0) names = {kSweepKernel};",
        "CudaBatch.FindsAllKernelsBehindACallOfNoRows",
    ),
    Mutant(
        "A gaussian in three dimensions takes 9 instructions for a pair.",
        "gramless/codegen/vector_math.cpp",
        "return is_cuda_ && is_float32(x);",
        "return is_cuda_ && !is_float32(x);",
        "Ptx.TakesNineInstructionsForAPair",
    ),
    Mutant(
        "explain() tells the special functions of a GPU apart.",
        "gramless/codegen/cost.cpp",
        "return intrinsic == llvm::Intrinsic::nvvm_ex2_approx_ftz ||",
        "return",
        "Cost.CountsTheSlotsOfAGpu",
    ),
]
