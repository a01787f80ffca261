// SPDX-License-Identifier: MIT
// Kernel products in all modes, and their derivatives.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gramless/arrays.h"
#include "gramless/export.h"
#include "gramless/kernel.h"

namespace gramless {

/// What is reduced over j, and how. With c = log k:
enum class Mode : uint8_t {
  sum,                    // Σ_j k b_j
  lse,                    // log Σ_j exp(c + b_j)
  log_scaled,             // Σ_j exp(c + A_i + B_j) b_j
  log_scaled_lse,         // log Σ_j exp(c + A_i + B_j + b_j)
  log_scaled_barycenter,  // Σ_j exp(c + A_i + B_j) (b_j - C_i)
  lse_mult_i,             // log Σ_j exp(H_i c + b_j)
  sinkhorn_cost,          // Σ_j -c exp(c + S_i + T_j)
  sinkhorn_primal,        // Σ_j (U_i + V_j - 1) exp(c + S_i + T_j)
};

/// Returns the mode of a name, `log_scaled`, or of its older spelling. Throws
/// ArgumentError for an unknown name.
GRAMLESS_API Mode parse_mode(std::string_view name);

/// One gamma slot.
struct Gamma {
  /// Nothing for an atom that takes no parameter.
  std::optional<ArrayView> array = {};
  /// The pair axis that the rows of an array stand for: j where nothing else is
  /// said.
  PairIndex rows = PairIndex::j;
};

/// The arrays of a kernel product. In the shapes below, D is the number of
/// columns of a pair and K is 1, D or D*D.
///
/// Arrays may have leading dimensions, (..., M, D) and so on, which count the
/// problems of a batch. They broadcast: aligned at their ends, extents are
/// equal or 1. A gamma with leading dimensions is (..., 1, K), a constant for
/// each problem, or (..., N, K) or (..., M, K). The result has all of them; the
/// gradient of an array has its own, and is summed over those that it lacks.
/// Each problem has the bits that it has alone.
struct Arguments {
  std::vector<ArrayView> x = {};  // (M, D), one for each pair of variables.
  std::vector<ArrayView> y = {};  // (N, D), likewise.
  /// (), (K,), (N, K) or (M, K), one for each atom.
  std::vector<Gamma> gamma = {};
  /// What the mode takes behind y, in the order of the formulas of `Mode`: b
  /// and C have E columns, all others one.
  std::vector<ArrayView> b = {};
  Mode mode = Mode::sum;
};

/// Returns the arrays of arguments in the order in which functions take them:
/// x, y, the gammas that are there, b.
GRAMLESS_API std::vector<ArrayView> flatten(const Arguments& arguments);

/// Which engine runs a call.
enum class Backend : uint8_t {
  automatic,  // The engine of the arrays' device.
  cpu,
  cuda,
  reference,  // Plain loops in float64: slow, and the meaning of a program.
  checked,    // The engine of the arrays' device, and a check of all it does.
};

/// Returns the backend of a name: `auto`, `reference`, `checked`, `CPU`, or one
/// of `GPU`, `GPU_1D`, `GPU_2D`, the last two and `GPU` also with `_host` or
/// `_device`. Throws ArgumentError for an unknown name.
GRAMLESS_API Backend parse_backend(std::string_view name);

/// Throws DeviceError or ArgumentError where the backend cannot run on arrays
/// of the device. `name` is how the caller spelled Backend::cuda.
GRAMLESS_API void check_backend(Backend backend, const Device& device,
                                std::string_view name = "GPU");

/// What is called from time to time while a call runs; throws to stop it.
using Interrupt = std::function<void()>;

/// Calls `work` on up to `threads` threads at once, the caller's among them,
/// which looks for interrupts, and returns when all calls have.
using RunOnThreads =
    std::function<void(int threads, const std::function<void()>& work)>;

/// Returns memory of so many bytes on the arrays' device, aligned to 256 bytes,
/// that lives until all work is done which the stream has when a call returns.
using TakeWorkspace = std::function<void*(int64_t bytes)>;

struct Options {
  Backend backend = Backend::automatic;
  int threads = 0;  // 0: OMP_NUM_THREADS, or the processors of this process.
  /// Called on the caller's thread about every tenth of a second or less often.
  Interrupt interrupt = {};
  /// Runs the call on threads of a pool. Without it, they end with the call.
  RunOnThreads on_threads = {};
  /// Of arrays on a CUDA device: the stream that work is queued on, null for
  /// the default stream, and where calls get up to 64 MiB of memory from, and
  /// for the gradient of what problems share up to twice what that takes in
  /// float64. A call neither waits for the device nor allocates there.
  void* stream = nullptr;
  TakeWorkspace workspace = {};
};

/// What text of the generated code to show. PTX is that of NVIDIA GPUs, with
/// the plan for one; it takes no such device.
enum class CodeText : uint8_t { none, llvm, assembly, ptx };

/// The form of an array that a function takes or computes. In memory it has the
/// shape (M, columns) with i, (N, columns) with j, and (columns,) with neither;
/// in a batch, leading dimensions in front, and (..., 1, columns) with neither.
struct ArrayForm {
  std::string name;
  PairIndex pair = PairIndex::none;
  int64_t columns = 1;
  /// Whether it is float64 in calls of any dtype.
  bool is_wide = false;
  bool operator==(const ArrayForm&) const = default;
};

/// What to allocate for a result.
struct ResultForm {
  std::vector<int64_t> shape;
  DType dtype = DType::float64;
};

/// A differentiable function of arrays: a kernel product, or a derivative of
/// one, ready to run. Cheap to copy; safe to use from several threads. The
/// library keeps the functions that were used last, so that it builds and
/// compiles each of them once.
///
///     const auto product = ArrayFunction::of(kernel, arguments);
///     std::vector<ArrayView> arrays = flatten(arguments);  // x, y, gamma, b
///     product(arrays, {{a}});
///     arrays.push_back(cotangent);                         // Of a's shape.
///     const auto x = product.position_of("x0"), y = product.position_of("y0");
///     product.vjp({x, y})(arrays, {{grad_x, grad_y}});
class GRAMLESS_API ArrayFunction {
 public:
  /// Checks arguments: counts, and the memory, dtype, device, shape and strides
  /// of each array. Returns the kernel product for arguments of their form.
  /// Throws ArgumentError, DTypeError or DeviceError with what was expected and
  /// what came.
  ///
  /// In a mode that is a logarithm there are two results more, its state: the
  /// sum on a scale, in float64, and the scale, shift, a whole number:
  /// a = shift*log(4) + log(sum).
  /// Derivatives take both behind the function's own arguments, and start from
  /// the sum, which is not rounded as the logarithm is; the scale has no
  /// derivative.
  static ArrayFunction of(const Kernel& kernel, const Arguments& arguments);

  /// The arrays that it takes and gives.
  [[nodiscard]] const std::vector<ArrayForm>& arguments() const;
  [[nodiscard]] const std::vector<ArrayForm>& results() const;

  /// Returns the position of the argument of a name, as vjp() takes it: x0, y0,
  /// g0, or b and the other names of the mode. Throws ArgumentError for an
  /// unknown name.
  [[nodiscard]] std::size_t position_of(std::string_view name) const;

  /// Whether the first result is a logarithm, with its state behind it.
  [[nodiscard]] bool is_logarithm() const;

  /// Returns the shapes and dtypes of the results for these arguments, of which
  /// the last ones may be left out. It reads no more than M, N and the dtype
  /// from them: the call checks that they fit.
  [[nodiscard]] std::vector<ResultForm> result_forms(
      std::span<const ArrayView> arguments,
      Backend backend = Backend::automatic) const;

  /// Computes the results. Throws ArgumentError, DTypeError or DeviceError for
  /// arrays that do not fit, and DeviceError where the backend cannot run on
  /// their device. All arrays have one dtype, but for those that are float64 in
  /// calls of any; the reference backend takes any dtypes.
  void operator()(std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results,
                  const Options& options = {}) const;

  /// Returns the product of the Jacobian's transpose with a vector: a function
  /// of the same arguments, of a logarithm's scale and sum, and of a cotangent
  /// for each result in `cotangents`, with the gradient of each argument in
  /// `wrt`. Both are positions.
  [[nodiscard]] ArrayFunction vjp(const std::vector<std::size_t>& wrt,
                                  const std::vector<std::size_t>& cotangents = {
                                      0}) const;

  /// Returns what runs for these arguments, of which the last ones may be left
  /// out, as text: the formula with its shared nodes; for each sweep the
  /// program by rates, the plan with the reason of each choice, and the code if
  /// asked for; the times of the stages. `arch` is the GPU that PTX is for:
  /// sm_75 or a newer one.
  [[nodiscard]] std::string explain(std::span<const ArrayView> arguments,
                                    CodeText code = CodeText::none,
                                    std::string_view arch = "sm_80") const;

  /// What the library knows of it.
  struct State;
  [[nodiscard]] const std::string& title() const { return title_; }
  ArrayFunction(std::shared_ptr<const State> state, std::string title)
      : state_(std::move(state)), title_(std::move(title)) {}
  [[nodiscard]] const State& state() const { return *state_; }

 private:
  std::shared_ptr<const State> state_;
  std::string title_;
};

/// Computes the kernel product in a mode into `result`, of the shape (..., M,
/// E), or (..., M, 1) in a mode without a signal.
///
/// Throws ArgumentError for wrong counts, shapes, strides or a null pointer,
/// DTypeError for mixed dtypes, DeviceError for mixed devices, before anything
/// runs. `result` is checked likewise: its elements may not overlap.
GRAMLESS_API void kernel_product(const Kernel& kernel,
                                 const Arguments& arguments,
                                 const MutableArrayView& result,
                                 const Options& options = {});

/// Returns what kernel_product() runs for these arguments, as text: see
/// ArrayFunction::explain().
GRAMLESS_API std::string explain(const Kernel& kernel,
                                 const Arguments& arguments,
                                 CodeText code = CodeText::none,
                                 std::string_view arch = "sm_80");

}  // namespace gramless
