// SPDX-License-Identifier: MIT
// What a backend does: run programs on arrays.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/backend/memory_pool.h"
#include "gramless/base/batched_array.h"
#include "gramless/call.h"
#include "gramless/codegen/target.h"
#include "gramless/lower/program.h"
#include "gramless/plan/plan.h"
#include "gramless/plan/sweeps.h"

namespace gramless {

/// The numbers of targets (i) and sources (j).
struct Sizes {
  int64_t M = 0;
  int64_t N = 0;
  bool operator==(const Sizes&) const = default;
};

/// Returns the numbers of positions on the axes of a program's sweep.
inline SweepSizes sweep_sizes(const Program& program, Sizes sizes) {
  return program.kept == Kept::rows ? SweepSizes{sizes.M, sizes.N}
                                    : SweepSizes{sizes.N, sizes.M};
}

/// Choices that tests force.
struct ForcedChoices {
  VectorIsa most =
      VectorIsa::avx512;  // The vector instructions to use at most.
  PlanOverrides plan = {};
  bool is_aarch64 = false;  // explain() alone: code for other machines.
  bool operator==(const ForcedChoices&) const = default;
};

struct RunOptions {
  int threads = 0;  // 0: default_thread_count()
  std::function<void()> interrupt = {};
  ForcedChoices forced = {};
  RunOnThreads on_threads = {};
  /// For runs on one thread.
  MemoryPool* pool = nullptr;
  /// See Options.
  void* stream = nullptr;
  TakeWorkspace workspace = {};
};

/// Runs a program. `arguments` and `results` stand in the order of the
/// program's; each view has the shape (rows, elements) where its array has i or
/// j, and (elements,) or () where it has neither. The views were checked.
using RunProgram = void (*)(const Program& program, Sizes sizes,
                            std::span<const ArrayView> arguments,
                            std::span<const MutableArrayView> results,
                            const RunOptions& options);

namespace reference {

/// Plain loops in float64, threaded over rows: the meaning of a program.
void run(const Program& program, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options);

}  // namespace reference

namespace cpu {

struct ReadySweep;

/// A program as this backend runs it, with what was planned and compiled for
/// the sizes and dtype of the last call. Safe to use from several threads.
class PreparedProgram {
 public:
  /// The functions in the programs must be ones that the code generator knows:
  /// see expand().
  explicit PreparedProgram(SweepWays ways);

  /// Returns the program that runs for some sizes.
  [[nodiscard]] const Program& program(Sizes sizes) const;

  /// Runs compiled code for this processor, threaded over tiles.
  void run(Sizes sizes, std::span<const ArrayView> arguments,
           std::span<const MutableArrayView> results,
           const RunOptions& options) const;

  /// Returns the program with its plan, the reason of each choice, and the code
  /// if asked for.
  [[nodiscard]] std::string explain(Sizes sizes, DType dtype, CodeText code,
                                    const ForcedChoices& forced) const;

 private:
  std::shared_ptr<const ReadySweep> ready_for(
      Sizes sizes, DType dtype, const ForcedChoices& forced) const;

  SweepWays ways_;
  mutable std::shared_ptr<const ReadySweep> last_;
};

/// Prepares a program and runs it.
void run(const Program& program, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options);

}  // namespace cpu

namespace cuda {

struct ReadyGrid;

/// A program as this backend runs it, with what was planned and compiled for
/// the sizes, dtype and device of the last call. Safe to use from several
/// threads.
class PreparedProgram {
 public:
  /// A program without crossed outputs.
  explicit PreparedProgram(Program program);
  PreparedProgram(PreparedProgram&& other) noexcept;
  PreparedProgram& operator=(PreparedProgram&&) = delete;
  ~PreparedProgram();

  [[nodiscard]] const Program& program() const { return program_; }

  [[nodiscard]] std::shared_ptr<const ReadyGrid> ready_for(Sizes sizes,
                                                           DType dtype,
                                                           int device) const;

 private:
  Program program_;
  mutable std::shared_ptr<const ReadyGrid> last_;
};

/// Queues the kernels of programs for all problems of a batch on the stream,
/// one program after another in one workspace. All arrays are on one device.
/// The programs compute results that problems share in float64.
void run(std::span<const PreparedProgram> programs, Sizes sizes, DType dtype,
         const Batch& batch, const RunOptions& options);

/// Returns a program with its plan for a GPU of 132 multiprocessors, the reason
/// of each choice, and its kernels as PTX for an architecture such as `sm_80`.
std::string explain(const Program& program, Sizes sizes, DType dtype,
                    std::string_view arch);

}  // namespace cuda

namespace checked {

/// A program, and what is to be compared with it.
struct CheckedProgram {
  const Program& program;
  /// Programs of the reference backend that have its outputs, among others.
  std::span<const Program> reference;
  /// Sums of the absolute terms, likewise.
  std::span<const Program> magnitudes;
};

/// Runs a program by another engine: twice, on copies of the arguments that
/// lie between guard pages. Throws InternalError if an element was not
/// written, an argument was, two runs differ, or a result is not near the
/// reference's.
void run(RunProgram engine, const CheckedProgram& checked, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options);

}  // namespace checked
}  // namespace gramless
