// SPDX-License-Identifier: MIT
// Kernel products and their derivatives as functions of arrays.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gramless/backend/backend.h"
#include "gramless/base/array_view.h"
#include "gramless/kernel.h"
#include "gramless/name/build.h"

namespace gramless {

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
/// `_device`.
Backend parse_backend(std::string_view name);

/// Throws DeviceError or ArgumentError where the backend cannot run on arrays
/// of the device.
void check_backend(Backend backend, const Device& device);

struct Options {
  Backend backend = Backend::automatic;
  int threads = 0;  // 0: OMP_NUM_THREADS, or the processors of this process.
  /// Called on the caller's thread about every tenth of a second or less
  /// often; throws to stop the call.
  Interrupt interrupt = {};
  /// For tests: the vector instructions to use at most, and forced choices.
  VectorIsa most = VectorIsa::avx512;
  PlanOverrides overrides = {};
};

/// How a function is built. Optional stages can be left out, to find out
/// whether one of them is to blame for something.
struct BuildOptions {
  std::vector<std::string> skip;  // Of `simplify`.
  /// For tests: whether each map-reduce is printed and read back.
  bool is_read_back = false;
};

/// A differentiable function of arrays: a kernel product, or a derivative of
/// one, ready to run. Cheap to copy; safe to use from several threads.
class ArrayFunction {
 public:
  /// Builds the kernel product for arguments of the given form. In a mode that
  /// is a logarithm it has two results more, its state: the sum on a scale,
  /// and the scale, shift: a = shift*log(4) + log(sum). Derivatives take both
  /// behind the function's own arguments, and start from the sum, which is not
  /// rounded as the logarithm is; the scale has no derivative.
  ArrayFunction(const Kernel& kernel, const Signature& signature,
                const BuildOptions& options = {});

  /// Returns the same from a table of those that were used last. Kernels of
  /// one structure share a function, which has the name of the first of them.
  static ArrayFunction shared(const Kernel& kernel, const Signature& signature,
                              const BuildOptions& options = {});

  /// The arrays that it takes and gives. In memory an array with i has the
  /// shape (M, columns), one with j (N, columns), any other (columns,).
  [[nodiscard]] const std::vector<ArraySpec>& arguments() const;
  [[nodiscard]] const std::vector<ArraySpec>& results() const;

  /// Whether the first result is a logarithm, with its state behind it.
  [[nodiscard]] bool is_logarithm() const;
  /// Returns the dtype of a result for arguments of a dtype: theirs, but
  /// float64 for the state of a logarithm that the reference backend computes.
  [[nodiscard]] DType result_dtype(std::size_t result, DType dtype,
                                   Backend backend) const;

  /// Returns the lengths of the pair axes, 0 where no argument has one. The
  /// last arguments may be left out.
  [[nodiscard]] Sizes sizes_of(std::span<const ArrayView> arguments) const;

  /// Computes the results. Throws ArgumentError, DTypeError or DeviceError for
  /// arrays that do not fit, and DeviceError where the backend cannot run on
  /// their device. Only the reference backend takes several dtypes at once.
  void operator()(std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results,
                  const Options& options = {}) const;

  /// Returns the product of the Jacobian's transpose with a vector: a function
  /// of the same arguments, of a logarithm's scale and sum, and of a cotangent
  /// for each result in `cotangents`, with the gradient of each argument in
  /// `wrt`. Both are positions. That of a shared function is shared.
  [[nodiscard]] ArrayFunction vjp(const std::vector<std::size_t>& wrt,
                                  const std::vector<std::size_t>& cotangents = {
                                      0}) const;

  /// Returns what runs for arrays of the given sizes, as text: the formula
  /// with its shared nodes; for each sweep the program by rates, the plan with
  /// the reason of each choice, and the code if asked for; the times of the
  /// stages.
  [[nodiscard]] std::string explain(Sizes sizes, DType dtype,
                                    CodeText code = CodeText::none) const;

 private:
  struct State;
  explicit ArrayFunction(State state);
  static State built(const Kernel& kernel, const Signature& signature,
                     const BuildOptions& options);
  [[nodiscard]] ArrayFunction make_vjp(
      const std::vector<std::size_t>& wrt,
      const std::vector<std::size_t>& cotangents, const std::string& key) const;

  std::shared_ptr<const State> state_;
};

}  // namespace gramless
