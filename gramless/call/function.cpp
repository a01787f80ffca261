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
// runs programs of its own, lowered without expand().
#include "gramless/call/function.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <unordered_map>

#include "gramless/base/bounded_table.h"
#include "gramless/base/fork_lock.h"
#include "gramless/base/text.h"
#include "gramless/call/arguments.h"
#include "gramless/call/arrays.h"
#include "gramless/call/batch.h"
#include "gramless/call/build.h"
#include "gramless/call/problems.h"
#include "gramless/call/run.h"
#include "gramless/error.h"
#include "gramless/ir/printer.h"
#include "gramless/ir/reader.h"
#include "gramless/lower/program.h"
#include "gramless/plan/sweeps.h"
#include "gramless/transform/centre.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {

namespace {

/// Functions that are kept: each takes some 10 kB.
constexpr std::size_t kCapacity = 512;

using Table = BoundedTable<ArrayFunction::State>;

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

void check_options(const Options& options, const PlanOverrides& overrides) {
  const auto check = [](std::string_view name, std::optional<int64_t> value,
                        int64_t least) {
    if (!value || *value >= least) return;
    throw ArgumentError(concat("ArrayFunction(): expected ", name, " of ",
                               least, " or more, got ", *value, "."));
  };
  if (options.backend > Backend::checked) {
    throw ArgumentError(
        concat("ArrayFunction(): expected a backend, got an unknown one, ",
               static_cast<int>(options.backend), "."));
  }
  check("threads", options.threads, 0);
  check("lanes", overrides.lanes, 1);
  check("kept_unroll", overrides.kept_unroll, 1);
  check("reduced_unroll", overrides.reduced_unroll, 1);
  check("longest_unrolled", overrides.longest_unrolled, 0);
  check("chunk", overrides.chunk, 1);
  check("splits", overrides.splits, 1);
}

/// Returns a simplified map-reduce in the domain that it is evaluated in, with
/// programs.
Runnable make_runnable(StageTimes& stages, MapReduce map_reduce) {
  Runnable result{.map_reduce = std::move(map_reduce)};
  const MapReduce expanded = run_transform(
      stages, "expand", [&] { return expand(result.map_reduce); });
  std::vector<SweepWays> sweeps =
      run_stage(stages, "lower", [&] { return plan_sweeps(expanded); });
  for (SweepWays& ways : sweeps) result.programs.emplace_back(std::move(ways));
  result.reference_programs = lower(result.map_reduce);
  return result;
}

/// Finds the steps in front of a function on centred points.
std::shared_ptr<const CentreSteps> find_centre_steps(StageTimes& stages,
                                                     const MapReduce& product) {
  const auto facts = run_stage(
      stages, "centre", [&] { return centre_facts(product, kCentredExtents); });
  if (!facts) return nullptr;
  return std::make_shared<const CentreSteps>(
      CentreSteps{make_runnable(stages, facts->totals),
                  make_runnable(stages, facts->row_radii),
                  make_runnable(stages, facts->column_radii)});
}

std::vector<ArrayForm> forms_of(const std::vector<ArraySpec>& arrays) {
  std::vector<ArrayForm> forms;
  for (const ArraySpec& array : arrays) {
    forms.push_back({array.name, array.pair, array.width(), array.is_wide});
  }
  return forms;
}

/// Completes a function whose map-reduce is built.
std::shared_ptr<const ArrayFunction::State> finish(ArrayFunction::State state) {
  if (state.options.is_read_back) {
    state.map_reduce = run_transform(state.stages, "read back", [&] {
      return read_map_reduce(to_text(state.map_reduce));
    });
  }
  state.arguments = state.map_reduce.arguments;
  state.results = results_of(state.map_reduce);
  const MapReduce evaluated = run_transform(state.stages, "log domain", [&] {
    return apply_log_domain(state.map_reduce, state.domain);
  });
  const MapReduce simple = is_skipped(state.options, "simplify")
                               ? evaluated
                               : run_transform(state.stages, "simplify", [&] {
                                   return simplify(evaluated);
                                 });
  state.runnable = make_runnable(state.stages, simple);
  if (state.centre_steps) {
    state.centred = make_runnable(
        state.stages, run_transform(state.stages, "centre", [&] {
          return centre(simple, state.centre_steps->totals.map_reduce,
                        kCentredExtents);
        }));
  }
  state.results_like.resize(state.results.size());
  state.argument_forms = forms_of(state.arguments);
  state.result_forms = forms_of(state.results);
  return std::make_shared<const ArrayFunction::State>(std::move(state));
}

std::shared_ptr<const ArrayFunction::State> build(const Kernel& kernel,
                                                  const Signature& signature,
                                                  const BuildOptions& options,
                                                  const std::string& key) {
  check_options(options);
  ArrayFunction::State state;
  state.key = key;
  state.options = options;
  state.map_reduce = run_transform(state.stages, "build", [&] {
    return build_kernel_product(kernel.parsed(), signature);
  });
  state.is_logarithm = row_of(signature.mode).is_logarithm;
  state.domain.is_used = signature.mode != Mode::sum;
  state.domain.has_zeros =
      !state.is_logarithm || !has_constant_factors(state.map_reduce);
  state.centre_steps = find_centre_steps(state.stages, state.map_reduce);
  return finish(std::move(state));
}

/// Returns what a function made of another one takes over from it.
ArrayFunction::State state_after(const ArrayFunction::State& function,
                                 const std::string& key) {
  ArrayFunction::State state;
  state.key = key;
  state.options = function.options;
  state.domain = function.domain;
  state.centre_steps = function.centre_steps;
  return state;
}

std::shared_ptr<const ArrayFunction::State> build_vjp(
    const ArrayFunction::State& function, const std::vector<std::size_t>& wrt,
    const std::vector<std::size_t>& cotangents, const std::string& key) {
  ArrayFunction::State state = state_after(function, key);
  state.map_reduce = run_transform(state.stages, "vjp", [&] {
    return vjp(function.map_reduce, wrt, cotangents);
  });
  state.results_like.assign(wrt.begin(), wrt.end());
  return finish(std::move(state));
}

/// Returns a function with some results in float64, where problems share them.
std::shared_ptr<const ArrayFunction::State> build_wide(
    const ArrayFunction::State& function, const std::vector<bool>& is_wide,
    const std::string& key) {
  ArrayFunction::State state = state_after(function, key);
  state.results_like = function.results_like;
  state.map_reduce = copy_of(function.map_reduce);
  for (std::size_t k = 0; k < is_wide.size(); ++k) {
    if (is_wide[k]) state.map_reduce.outputs[k].array.is_wide = true;
  }
  return finish(std::move(state));
}

ArraySpecs specs_of(const ArrayFunction::State& state) {
  return {state.arguments, state.results, state.results_like};
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

const GridPrograms::Programs& GridPrograms::of(
    const MapReduce& map_reduce) const {
  {
    const std::scoped_lock lock(fork_lock(ForkLock::table));
    if (programs_) return *programs_;
  }
  auto made = std::make_shared<Programs>();
  for (Program& program : plan_grid_sweeps(expand(map_reduce))) {
    made->emplace_back(std::move(program));
  }
  // If two threads make them, the first ones stay.
  const std::scoped_lock lock(fork_lock(ForkLock::table));
  if (!programs_) programs_ = std::move(made);
  return *programs_;
}

std::shared_ptr<const ArrayFunction::State> with_wide_results(
    const ArrayFunction::State& function, const std::vector<bool>& is_wide) {
  std::string key = function.key + "\nwide";
  for (const bool each : is_wide) key += each ? " 1" : " 0";
  return table().get(key, [&] { return build_wide(function, is_wide, key); });
}

ArrayFunction function_of(const Kernel& kernel, const Signature& signature,
                          const BuildOptions& options) {
  const std::string key = concat(
      kernel.digest()[0], " ", kernel.digest()[1], "\n", to_text(signature),
      "\n", join(options.skip, " "), options.is_read_back ? " read back" : "");
  return {
      table().get(key, [&] { return build(kernel, signature, options, key); }),
      kernel.name()};
}

ArrayFunction ArrayFunction::of(const Kernel& kernel,
                                const Arguments& arguments) {
  return function_of(
      kernel, check_arguments(kernel.parsed(), arguments, "ArrayFunction::of"));
}

const std::vector<ArrayForm>& ArrayFunction::arguments() const {
  return state_->argument_forms;
}

const std::vector<ArrayForm>& ArrayFunction::results() const {
  return state_->result_forms;
}

std::size_t ArrayFunction::position_of(std::string_view name) const {
  std::vector<std::string> names;
  for (const ArrayForm& argument : arguments()) {
    if (argument.name == name) return names.size();
    names.push_back(argument.name);
  }
  throw ArgumentError(concat(
      "ArrayFunction::position_of(): expected one of the arguments '",
      join(names, "', '"), "', got '", name, "'.", did_you_mean(name, names)));
}

bool ArrayFunction::is_logarithm() const { return state_->is_logarithm; }

std::vector<ResultForm> ArrayFunction::result_forms(
    std::span<const ArrayView> arguments, Backend backend) const {
  const CallSizes sizes =
      find_sizes("ArrayFunction::result_forms", state_->arguments, arguments);
  const DType dtype = find_dtype(state_->arguments, arguments);
  std::vector<ResultForm> forms;
  for (std::size_t k = 0; k < state_->results.size(); ++k) {
    // A scale in float32 would not be that of terms in float64.
    const bool is_state = is_logarithm() && k > 0;
    const bool is_wide = is_state && backend == Backend::reference;
    forms.push_back(
        {result_shape(specs_of(*state_), k, arguments, sizes),
         is_wide ? DType::float64 : state_->results[k].dtype_in(dtype)});
  }
  return forms;
}

void run_function(const ArrayFunction& function,
                  std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results,
                  const Options& options, const ForcedChoices& forced) {
  const ArrayFunction::State& state = function.state();
  check_options(options, forced.plan);
  const ArraySpecs specs = specs_of(state);
  const CallSizes sizes = check_arrays(specs, arguments, results);
  // The reference backend converts each number that it reads or writes.
  if (options.backend != Backend::reference) {
    check_dtypes(specs, arguments, results);
  }
  const Device device = arguments.empty() ? Device{} : arguments[0].device;
  RunPlace place{options.backend,
                 device,
                 sizes.sizes,
                 find_dtype(state.arguments, arguments),
                 {.threads = device == Device{} ? options.threads : 1,
                  .interrupt = options.interrupt,
                  .forced = forced,
                  .on_threads = options.on_threads,
                  .stream = options.stream,
                  .workspace = options.workspace}};
  if (sizes.batch.empty()) {
    run(state, place, arguments, results);
  } else {
    run_problems(state, place, sizes.batch, arguments, results);
  }
}

void ArrayFunction::operator()(std::span<const ArrayView> arguments,
                               std::span<const MutableArrayView> results,
                               const Options& options) const {
  run_function(*this, arguments, results, options, {});
}

ArrayFunction ArrayFunction::vjp(
    const std::vector<std::size_t>& wrt,
    const std::vector<std::size_t>& cotangents) const {
  const auto check = [](std::string_view what, std::size_t count,
                        const std::vector<std::size_t>& positions) {
    for (const std::size_t position : positions) {
      if (position < count) continue;
      throw ArgumentError(
          concat("ArrayFunction::vjp(): expected positions among ", count, " ",
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
  const std::string key =
      concat(state_->key, "\nvjp", numbers(wrt), " of", numbers(cotangents));
  return {table().get(key,
                      [&] { return build_vjp(*state_, wrt, cotangents, key); }),
          "derivative of " + title_};
}

std::string ArrayFunction::explain(std::span<const ArrayView> arguments,
                                   CodeText code, std::string_view arch) const {
  const Sizes sizes =
      find_sizes("ArrayFunction::explain", state_->arguments, arguments).sizes;
  const DType dtype = find_dtype(state_->arguments, arguments);
  return explain_function(*this, sizes, dtype, {code, arch});
}

std::string explain_function(const ArrayFunction& function, Sizes sizes,
                             DType dtype, const CodeChoices& code) {
  const ArrayFunction::State& state = function.state();
  std::string text = function.title() + "\n";
  text += concat("\nformula\n", indented(to_text(state.runnable.map_reduce)));
  const auto add_sweeps = [&](const Runnable& runnable) {
    if (code.text == CodeText::ptx) {
      for (const Program& program :
           plan_grid_sweeps(expand(runnable.map_reduce))) {
        text += "\n" + cuda::explain(program, sizes, dtype, code.arch);
      }
      return;
    }
    for (const cpu::PreparedProgram& prepared : runnable.programs) {
      text += "\n" + prepared.explain(sizes, dtype, code.text, code.forced);
    }
  };
  add_sweeps(state.runnable);
  if (state.centred && is_centring_worth(sizes.M, sizes.N)) {
    text += "\nwhere all points are near the mean of y\n";
    add_sweeps(*state.centred);
  }
  text += "\nstages\n";
  for (const auto& [name, time] : state.stages) {
    text += concat("  ", name, " ", number_text(std::round(time * 1e3) / 1e3),
                   " ms\n");
  }
  return text;
}

void kernel_product(const Kernel& kernel, const Arguments& arguments,
                    const MutableArrayView& result, const Options& options) {
  const ArrayFunction function =
      function_of(kernel, check_arguments(kernel.parsed(), arguments));
  check_result(arguments, result);
  const std::vector<ArrayView> arrays = flatten(arguments);
  const std::vector<ResultForm> forms =
      function.result_forms(arrays, options.backend);
  std::vector<MutableArrayView> results = {result};
  std::vector<std::vector<std::byte>> memory;
  const auto take = [&](int64_t bytes) -> void* {
    if (result.device != Device{}) {
      return options.workspace ? options.workspace(bytes) : nullptr;
    }
    memory.emplace_back(static_cast<std::size_t>(bytes));
    return memory.back().data();
  };
  for (std::size_t k = 1; k < forms.size(); ++k) {
    const auto& [shape, dtype] = forms[k];
    results.push_back({take(elements_in(shape) * dtype_size(dtype)), dtype,
                       shape, row_major_strides(shape), result.device});
  }
  function(arrays, results, options);
}

std::string explain(const Kernel& kernel, const Arguments& arguments,
                    CodeText code, std::string_view arch) {
  const Signature signature =
      check_arguments(kernel.parsed(), arguments, "explain");
  return function_of(kernel, signature).explain(flatten(arguments), code, arch);
}

}  // namespace gramless
