// SPDX-License-Identifier: MIT
// The flow of the library, stage by stage: read this page first.
//
//   name ── parse ──▶ tree ── build ──▶ map-reduce ── log domain, simplify
//                                           │ ▲              │
//                                       vjp └─┘        expand, lower
//                                                            ▼
//                             arrays ── check ──▶ run ◀── programs
//
// Derivatives are taken before anything else is done. The reference backend
// runs programs of its own, lowered without expand(). A logarithm takes two
// runs: for the largest term of each row, and for the sum on its scale.
#include "gramless/array_function.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "gramless/base/bounded_table.h"
#include "gramless/base/error.h"
#include "gramless/base/fork_lock.h"
#include "gramless/base/text.h"
#include "gramless/finish_logarithm.h"
#include "gramless/function_arrays.h"
#include "gramless/ir/printer.h"
#include "gramless/ir/reader.h"
#include "gramless/lower/program.h"
#include "gramless/name/build.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {

namespace {

using StageTimes = std::vector<std::pair<std::string, double>>;

/// A map-reduce as it is run.
struct Runnable {
  MapReduce map_reduce;
  /// Of generated code, and of the reference backend.
  std::vector<Program> programs;
  std::vector<Program> reference_programs;
};

}  // namespace

struct ArrayFunction::State {
  std::string title;
  /// In the table of functions; empty if it does not stand there.
  std::string key;
  BuildOptions options;
  LogDomain domain;
  bool is_logarithm = false;
  /// As it is differentiated.
  MapReduce map_reduce;
  std::vector<ArraySpec> arguments;
  std::vector<ArraySpec> results;
  Runnable sum;
  /// Of a logarithm: the largest terms.
  Runnable scale;
  /// The stages that ran, with their times in milliseconds.
  StageTimes stages;
};

namespace {

/// Functions that are kept: each takes some 10 kB.
constexpr std::size_t kCapacity = 512;

using Table = BoundedTable<ArrayFunction>;

constinit std::atomic<Table*> the_table = nullptr;

Table& table() {
  return made_once(the_table,
                   [] { return Table(kCapacity, fork_lock(ForkLock::table)); });
}

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

void check_options(const Options& options) {
  const auto check = [](std::string_view name, std::optional<int64_t> value,
                        int64_t least) {
    if (!value || *value >= least) return;
    throw ArgumentError(concat("ArrayFunction(): expected ", name, " of ",
                               least, " or more, got ", *value, "."));
  };
  const PlanOverrides& overrides = options.overrides;
  check("threads", options.threads, 0);
  check("lanes", overrides.lanes, 1);
  check("kept_copies", overrides.kept_copies, 1);
  check("reduced_copies", overrides.reduced_copies, 1);
  check("longest_unrolled", overrides.longest_unrolled, 0);
  check("chunk", overrides.chunk, 1);
  check("splits", overrides.splits, 1);
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

/// Returns a map-reduce in the domain that it is evaluated in, with programs.
Runnable prepare(StageTimes& stages, const BuildOptions& options,
                 MapReduce map_reduce) {
  Runnable result{std::move(map_reduce), {}, {}};
  if (!is_skipped(options, "simplify")) {
    result.map_reduce = run_transform(
        stages, "simplify", [&] { return simplify(result.map_reduce); });
  }
  const MapReduce expanded = run_transform(
      stages, "expand", [&] { return expand(result.map_reduce); });
  result.programs = run_stage(stages, "lower", [&] { return lower(expanded); });
  result.reference_programs = lower(result.map_reduce);
  return result;
}

/// Runs a map-reduce by a backend.
void run_on(const Runnable& runnable, const Options& options,
            const Device& device, Sizes sizes,
            std::span<const ArrayView> arguments,
            std::span<const MutableArrayView> results) {
  const RunProgram run = choose_engine(options.backend, device);
  const RunOptions how{options.threads, options.interrupt, options.most,
                       options.overrides};
  if (options.backend == Backend::checked) {
    const std::vector<Program> magnitudes =
        lower(magnitudes_of(runnable.map_reduce));
    for (std::size_t k = 0; k < magnitudes.size(); ++k) {
      checked::run(
          run,
          {runnable.programs[k], runnable.reference_programs[k], magnitudes[k]},
          sizes, arguments, results, how);
    }
    return;
  }
  const bool is_reference = options.backend == Backend::reference;
  for (const Program& program :
       is_reference ? runnable.reference_programs : runnable.programs) {
    run(program, sizes, arguments, results, how);
  }
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
                             const BuildOptions& options)
    : ArrayFunction(built(kernel, signature, options)) {}

ArrayFunction::State ArrayFunction::built(const Kernel& kernel,
                                          const Signature& signature,
                                          const BuildOptions& options) {
  check_options(options);
  State state;
  state.title = kernel.name();
  state.options = options;
  state.map_reduce = run_transform(state.stages, "build", [&] {
    return build_kernel_product(kernel.parsed(), signature);
  });
  state.is_logarithm = row_of(signature.mode).is_logarithm;
  state.domain.is_used = signature.mode != Mode::sum;
  state.domain.has_zeros =
      !state.is_logarithm || !has_constant_factors(state.map_reduce);
  return state;
}

ArrayFunction ArrayFunction::shared(const Kernel& kernel,
                                    const Signature& signature,
                                    const BuildOptions& options) {
  const std::string key =
      concat(kernel.structure(), "\n", to_text(signature), "\n",
             join(options.skip, " "), options.is_read_back ? " read back" : "");
  return *table().get(key, [&] {
    State state = built(kernel, signature, options);
    state.key = key;
    return std::make_shared<const ArrayFunction>(
        ArrayFunction(std::move(state)));
  });
}

ArrayFunction::ArrayFunction(State state) {
  if (state.options.is_read_back) {
    state.map_reduce = run_transform(state.stages, "read back", [&] {
      return read_map_reduce(to_text(state.map_reduce));
    });
  }
  state.arguments = state.map_reduce.arguments;
  for (const Output& output : state.map_reduce.outputs) {
    state.results.push_back(output.array);
  }
  const MapReduce evaluated = run_transform(state.stages, "log domain", [&] {
    return apply_log_domain(state.map_reduce, state.domain);
  });
  state.sum = prepare(state.stages, state.options, evaluated);
  if (state.is_logarithm) {
    const MapReduce largest = run_transform(state.stages, "largest terms", [&] {
      return largest_terms(state.map_reduce);
    });
    state.scale = prepare(state.stages, state.options, largest);
    state.results.push_back(sum_of_logarithm(state.map_reduce));
    state.results.push_back(state.arguments.back());
    state.arguments.pop_back();
  }
  state_ = std::make_shared<const State>(std::move(state));
}

const std::vector<ArraySpec>& ArrayFunction::arguments() const {
  return state_->arguments;
}

const std::vector<ArraySpec>& ArrayFunction::results() const {
  return state_->results;
}

bool ArrayFunction::is_logarithm() const { return state_->is_logarithm; }

DType ArrayFunction::result_dtype(std::size_t result, DType dtype,
                                  Backend backend) const {
  // A scale in float32 would not be that of terms in float64.
  const bool is_state = is_logarithm() && result > 0;
  return is_state && backend == Backend::reference ? DType::float64 : dtype;
}

Sizes ArrayFunction::sizes_of(std::span<const ArrayView> arguments) const {
  return find_sizes(this->arguments(), arguments);
}

void ArrayFunction::operator()(std::span<const ArrayView> arguments,
                               std::span<const MutableArrayView> results,
                               const Options& options) const {
  const std::span<const ArraySpec> expected = state_->arguments;
  const std::span<const ArraySpec> computed = state_->results;
  check_options(options);
  const Sizes sizes = check_arrays(expected, arguments, computed, results);
  // The reference backend converts each number that it reads or writes.
  if (options.backend != Backend::reference) {
    check_dtypes(expected, arguments, computed, results);
  }
  Device device;
  for (const ArrayView& view : arguments) device = view.device;
  const auto run = [&](const Runnable& runnable, std::span<const ArrayView> in,
                       std::span<const MutableArrayView> out) {
    run_on(runnable, options, device, sizes, in, out);
  };
  if (!state_->is_logarithm) return run(state_->sum, arguments, results);
  const MutableArrayView& sum = results[1];
  const MutableArrayView& shift = results[2];
  const int threads =
      options.threads > 0 ? options.threads : default_thread_count();
  run(state_->scale, arguments, {{shift}});
  finish_scale(shift, threads);
  std::vector<ArrayView> scaled(arguments.begin(), arguments.end());
  scaled.push_back(
      {shift.data, shift.dtype, shift.shape, shift.strides, shift.device});
  run(state_->sum, scaled, {{sum}});
  finish_logarithm(shift, sum, results[0], threads);
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
  check("results", is_logarithm() ? 2 : results().size(), cotangents);
  const auto numbers = [](const std::vector<std::size_t>& positions) {
    std::string text;
    for (const std::size_t position : positions) text += concat(" ", position);
    return text;
  };
  if (state_->key.empty()) return make_vjp(wrt, cotangents, "");
  const std::string key =
      concat(state_->key, "\nvjp", numbers(wrt), " of", numbers(cotangents));
  return *table().get(key, [&] {
    return std::make_shared<const ArrayFunction>(
        make_vjp(wrt, cotangents, key));
  });
}

ArrayFunction ArrayFunction::make_vjp(
    const std::vector<std::size_t>& wrt,
    const std::vector<std::size_t>& cotangents, const std::string& key) const {
  State state;
  state.title = "derivative of " + state_->title;
  state.key = key;
  state.options = state_->options;
  state.domain = state_->domain;
  state.map_reduce = run_transform(state.stages, "vjp", [&] {
    const MapReduce& function = state_->map_reduce;
    return is_logarithm() ? vjp_of_logarithm(function, wrt, cotangents)
                          : gramless::vjp(function, wrt, cotangents);
  });
  return ArrayFunction(std::move(state));
}

std::string ArrayFunction::explain(Sizes sizes, DType dtype,
                                   CodeText code) const {
  if (sizes.M < 0 || sizes.N < 0) {
    throw ArgumentError(concat("explain(): expected sizes of 0 or more, got M ",
                               sizes.M, " and N ", sizes.N, "."));
  }
  std::string text = state_->title + "\n";
  for (const Runnable* part : {&state_->scale, &state_->sum}) {
    if (part->programs.empty()) continue;
    text += concat("\nformula\n", indented(to_text(part->map_reduce)));
    for (const Program& program : part->programs) {
      text += concat("\n", to_text(program), "\n",
                     cpu::explain(program, sizes, dtype, code, {}));
    }
  }
  text += "\nstages\n";
  for (const auto& [name, time] : state_->stages) {
    text += concat("  ", name, " ", number_text(std::round(time * 1e3) / 1e3),
                   " ms\n");
  }
  return text;
}

}  // namespace gramless
