// SPDX-License-Identifier: MIT
// The flow of the library, stage by stage: read this page first.
//
//   name ── parse ──▶ tree ── build ──▶ map-reduce ── simplify ──▶ map-reduce
//                                           │ ▲                        │
//                                       vjp └─┘                  expand, lower
//                                                                      ▼
//                             arrays ── check ──▶ run ◀──────────── programs
//
// The reference backend runs programs of its own, lowered without expand().
#include "gramless/array_function.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "gramless/base/error.h"
#include "gramless/base/text.h"
#include "gramless/function_arrays.h"
#include "gramless/ir/printer.h"
#include "gramless/ir/reader.h"
#include "gramless/lower/program.h"
#include "gramless/name/build.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/simplify.h"

namespace gramless {

struct ArrayFunction::State {
  std::string title;
  BuildOptions options;
  MapReduce map_reduce;
  std::vector<ArraySpec> results;
  /// Of generated code, and of the reference backend.
  std::vector<Program> programs;
  std::vector<Program> reference_programs;
  /// The stages that ran, with their times in milliseconds.
  std::vector<std::pair<std::string, double>> stages;
};

namespace {

using StageTimes = std::vector<std::pair<std::string, double>>;

/// Runs one stage, and times it.
template <class Stage>
auto run_stage(StageTimes& stages, const std::string& name, Stage stage) {
  const auto start = std::chrono::steady_clock::now();
  auto result = stage();
  const std::chrono::duration<double, std::milli> time =
      std::chrono::steady_clock::now() - start;
  stages.emplace_back(name, time.count());
  return result;
}

/// Runs a stage that gives a map-reduce, and verifies the result.
template <class Stage>
MapReduce run_transform(StageTimes& stages, const std::string& name,
                        Stage stage) {
  MapReduce result = run_stage(stages, name, stage);
  verify(result);
  return result;
}

bool is_skipped(const BuildOptions& options, std::string_view stage) {
  return std::find(options.skip.begin(), options.skip.end(), stage) !=
         options.skip.end();
}

void check_options(const BuildOptions& options) {
  for (const std::string& stage : options.skip) {
    if (stage == "simplify") continue;
    throw ArgumentError(
        concat("ArrayFunction(): expected the name of an optional stage, "
               "'simplify', got '",
               stage, "'."));
  }
}

/// Returns the sums of the absolute terms, for sums.
MapReduce magnitudes_of(const MapReduce& map_reduce) {
  MapReduce result{std::make_shared<ExprPool>(), map_reduce.arguments, {}};
  std::unordered_map<int, Expr> done;
  for (const Output& output : map_reduce.outputs) {
    Expr value = rebuild(*result.pool, output.value, done);
    if (output.reduction == Reduction::sum) {
      value = result.pool->apply(Function::abs, value);
    }
    result.outputs.push_back({output.array, value, output.reduction});
  }
  return result;
}

/// Returns what runs the programs of a call on a device.
RunProgram choose_engine(Backend backend, const Device& device) {
  if (backend == Backend::cuda) {
    throw DeviceError(
        "kernel_product(): expected an engine for CUDA, got none: this build "
        "of Gramless runs on the CPU only. Use backend='auto'.");
  }
  const bool is_reference = backend == Backend::reference;
  if (device == Device{}) return is_reference ? reference::run : cpu::run;
  if (backend == Backend::automatic) {
    throw DeviceError(concat(
        "kernel_product(): expected arrays on the CPU, got arrays on ",
        device.name, ", for which this build of Gramless has no engine."));
  }
  throw ArgumentError(
      concat("kernel_product(): expected arrays on the CPU for this backend, "
             "got arrays on ",
             device.name, "."));
}

std::string indented(const std::string& text) {
  std::string result;
  bool starts_line = true;
  for (const char c : text) {
    if (starts_line) result += "  ";
    result += c;
    starts_line = c == '\n';
  }
  return result;
}

}  // namespace

Backend parse_backend(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kCuda = {
      "GPU",           "GPU_host", "GPU_device",  "GPU_1D",       "GPU_1D_host",
      "GPU_1D_device", "GPU_2D",   "GPU_2D_host", "GPU_2D_device"};
  if (name == "auto") return Backend::automatic;
  if (name == "reference") return Backend::reference;
  if (name == "checked") return Backend::checked;
  if (name == "CPU") return Backend::cpu;
  if (std::find(kCuda.begin(), kCuda.end(), name) != kCuda.end()) {
    return Backend::cuda;
  }
  const std::vector<std::string> known = {
      "auto", "reference", "checked", "pytorch", "matrix", "CPU", "GPU"};
  throw ArgumentError(concat("kernel_product(): expected one of the backends '",
                             join(known, "', '"), "', got '", name, "'.",
                             did_you_mean(name, known)));
}

void check_backend(Backend backend, const Device& device) {
  choose_engine(backend, device);
}

ArrayFunction::ArrayFunction(const Kernel& kernel, const Signature& signature,
                             const BuildOptions& options) {
  check_options(options);
  State state{kernel.name(), options, {}, {}, {}, {}, {}};
  state.map_reduce = run_transform(state.stages, "build", [&] {
    return build_kernel_product(kernel.parsed(), signature, gradient);
  });
  *this = ArrayFunction(std::make_shared<const State>(std::move(state)));
}

ArrayFunction ArrayFunction::of_shift(const Kernel& kernel,
                                      const Signature& signature,
                                      const BuildOptions& options) {
  check_options(options);
  State state{"shift of " + kernel.name(), options, {}, {}, {}, {}, {}};
  state.map_reduce = run_transform(state.stages, "build", [&] {
    return build_shift(kernel.parsed(), signature, gradient);
  });
  return ArrayFunction(std::make_shared<const State>(std::move(state)));
}

ArrayFunction::ArrayFunction(const std::shared_ptr<const State>& built) {
  State state = *built;
  if (state.options.is_read_back) {
    state.map_reduce = run_transform(state.stages, "read back", [&] {
      return read_map_reduce(to_text(state.map_reduce));
    });
  }
  if (!is_skipped(state.options, "simplify")) {
    state.map_reduce = run_transform(
        state.stages, "simplify", [&] { return simplify(state.map_reduce); });
  }
  const MapReduce expanded = run_transform(
      state.stages, "expand", [&] { return expand(state.map_reduce); });
  state.programs =
      run_stage(state.stages, "lower", [&] { return lower(expanded); });
  state.reference_programs = lower(state.map_reduce);
  for (const Output& output : state.map_reduce.outputs) {
    state.results.push_back(output.array);
  }
  state_ = std::make_shared<const State>(std::move(state));
}

const std::vector<ArraySpec>& ArrayFunction::arguments() const {
  return state_->map_reduce.arguments;
}

const std::vector<ArraySpec>& ArrayFunction::results() const {
  return state_->results;
}

Sizes ArrayFunction::sizes_of(std::span<const ArrayView> arguments) const {
  return find_sizes(this->arguments(), arguments);
}

void ArrayFunction::operator()(std::span<const ArrayView> arguments,
                               std::span<const MutableArrayView> results,
                               const Options& options) const {
  const std::span<const ArraySpec> taken = state_->map_reduce.arguments;
  const std::span<const ArraySpec> given = state_->results;
  const Sizes sizes = check_arrays(taken, arguments, given, results);
  // The reference backend converts each number that it reads or writes.
  if (options.backend != Backend::reference) {
    check_dtypes(taken, arguments, given, results);
  }
  Device device;
  for (const ArrayView& view : arguments) device = view.device;
  const RunProgram run = choose_engine(options.backend, device);
  const RunOptions how{options.threads, options.interrupt, options.most,
                       options.overrides};
  if (options.backend == Backend::checked) {
    const std::vector<Program> magnitudes =
        lower(magnitudes_of(state_->map_reduce));
    for (std::size_t k = 0; k < magnitudes.size(); ++k) {
      checked::run(
          run,
          {state_->programs[k], state_->reference_programs[k], magnitudes[k]},
          sizes, arguments, results, how);
    }
    return;
  }
  const bool is_reference = options.backend == Backend::reference;
  for (const Program& program :
       is_reference ? state_->reference_programs : state_->programs) {
    run(program, sizes, arguments, results, how);
  }
}

ArrayFunction ArrayFunction::vjp(
    const std::vector<std::size_t>& wrt,
    const std::vector<std::size_t>& cotangents) const {
  const auto check = [](std::string_view what, std::size_t count,
                        const std::vector<std::size_t>& positions) {
    for (const std::size_t position : positions) {
      if (position < count) continue;
      throw ArgumentError(concat("vjp(): expected positions among ", count, " ",
                                 what, ", got ", position, "."));
    }
  };
  check("arguments", arguments().size(), wrt);
  check("results", results().size(), cotangents);
  State state{
      "derivative of " + state_->title, state_->options, {}, {}, {}, {}, {}};
  state.map_reduce = run_transform(state.stages, "vjp", [&] {
    return gramless::vjp(state_->map_reduce, wrt, cotangents);
  });
  return ArrayFunction(std::make_shared<const State>(std::move(state)));
}

std::string ArrayFunction::explain(Sizes sizes, DType dtype,
                                   CodeText code) const {
  if (sizes.M < 0 || sizes.N < 0) {
    throw ArgumentError(concat("explain(): expected sizes of 0 or more, got M ",
                               sizes.M, " and N ", sizes.N, "."));
  }
  std::string text = concat(state_->title, "\n\nformula\n",
                            indented(to_text(state_->map_reduce)));
  for (const Program& program : state_->programs) {
    text += concat("\n", to_text(program), "\n",
                   cpu::explain(program, sizes, dtype, code, {}));
  }
  text += "\nstages\n";
  for (const auto& [name, time] : state_->stages) {
    text += concat("  ", name, " ", number_text(std::round(time * 1e3) / 1e3),
                   " ms\n");
  }
  return text;
}

}  // namespace gramless
