// SPDX-License-Identifier: MIT
// Runs map-reduces by backends, one after the other.
#include "gramless/call/run.h"

#include <algorithm>
#include <unordered_map>

#include "gramless/backend/cuda/engine.h"
#include "gramless/base/text.h"
#include "gramless/call/arrays.h"
#include "gramless/error.h"

namespace gramless {

namespace {

/// Whether a value is computed from arguments by at most one rounding, such as
/// x - y.
bool is_difference(Expr sum) {
  return std::all_of(sum->operands.begin(), sum->operands.end(), [](Expr term) {
    const bool is_scaled = term->kind == NodeKind::multiply &&
                           term->operands.size() == 2 &&
                           term->operands[0]->is_constant();
    const Expr factor = is_scaled ? term->operands[1] : term;
    return factor->kind == NodeKind::load || factor->is_constant();
  });
}

bool is_sine_or_cosine(Expr value) {
  return value->kind == NodeKind::function &&
         (value->function == Function::sin || value->function == Function::cos);
}

/// Returns the sum of the absolute terms of a value, which rounding errors are
/// relative to: that of a*(b - c) is |a|*(|b| + |c|), and that of a sine or
/// cosine, whose error is that of its angle, is 1.
Expr magnitude_of(Expr value, std::unordered_map<int, Expr>& done) {
  if (const auto known = done.find(value->id); known != done.end()) {
    return known->second;
  }
  ExprPool& pool = *value->pool;
  const bool has_terms =
      value->kind == NodeKind::multiply || value->kind == NodeKind::sum ||
      (value->kind == NodeKind::add && !is_difference(value));
  Expr result;
  if (has_terms || is_select(value)) {
    std::vector<Expr> operands = value->operands;
    for (std::size_t k = is_select(value) ? 1 : 0; k < operands.size(); ++k) {
      operands[k] = magnitude_of(operands[k], done);
    }
    result = pool.with_operands(*value, operands);
  } else if (is_sine_or_cosine(value)) {
    result = pool.constant(1);
  } else {
    result = pool.apply(Function::abs, value);
  }
  done.emplace(value->id, result);
  return result;
}

/// Returns the same reductions of the absolute terms.
MapReduce magnitudes_of(const MapReduce& map_reduce) {
  MapReduce result = copy_of(map_reduce);
  std::unordered_map<int, Expr> done;
  for (Output& output : result.outputs) {
    output.value = magnitude_of(output.value, done);
  }
  return result;
}

/// Runs a map-reduce by a backend on the CPU.
void run(const Runnable& runnable, const RunPlace& place,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results) {
  check_backend(place.backend, place.device);
  const auto& [backend, device, sizes, dtype, how] = place;
  if (backend == Backend::reference) {
    for (const Program& program : runnable.reference_programs) {
      reference::run(program, sizes, arguments, results, how);
    }
    return;
  }
  if (backend == Backend::checked) {
    const std::vector<Program> magnitudes =
        lower(magnitudes_of(runnable.map_reduce));
    for (const cpu::PreparedProgram& prepared : runnable.programs) {
      checked::run(
          cpu::run,
          {prepared.program(sizes), runnable.reference_programs, magnitudes},
          sizes, arguments, results, how);
    }
    return;
  }
  if (backend == Backend::cuda) {
    throw DeviceError(
        "kernel_product(): expected arrays on a CUDA device for this backend, "
        "got arrays on the CPU.");
  }
  for (const cpu::PreparedProgram& prepared : runnable.programs) {
    prepared.run(sizes, arguments, results, how);
  }
}

/// The results of a step, in memory of its own.
class StepResults {
 public:
  /// Runs a step for some sizes.
  StepResults(const Runnable& step, RunPlace place, Sizes sizes,
              std::span<const ArrayView> arguments) {
    for (const ArraySpec& result : results_of(step.map_reduce)) {
      const std::vector<int64_t> shape = shape_of(result, sizes);
      const DType dtype = result.dtype_in(place.dtype);
      memory_.emplace_back(
          static_cast<std::size_t>(result.width() * dtype_size(dtype)));
      views_.push_back({memory_.back().data(), dtype, shape,
                        row_major_strides(shape), place.device});
    }
    place.sizes = sizes;
    run(step, place, arguments, views_);
  }

  /// Appends the results to arguments.
  void append_to(std::vector<ArrayView>& arguments) const {
    for (const MutableArrayView& view : views_) {
      arguments.push_back(
          {view.data, view.dtype, view.shape, view.strides, view.device});
    }
  }

  /// Returns the first number of each result.
  [[nodiscard]] std::vector<double> numbers() const {
    std::vector<ArrayView> arrays;
    append_to(arrays);
    std::vector<double> numbers;
    for (const ArrayView& array : arrays) numbers.push_back(array.at(0));
    return numbers;
  }

 private:
  std::vector<std::vector<std::byte>> memory_;
  std::vector<MutableArrayView> views_;
};

/// Returns whether all points are near the mean that `arguments` tell.
bool are_near(const CentreSteps& steps, const RunPlace& place,
              std::span<const ArrayView> arguments) {
  const StepResults rows(steps.row_radii, place, {place.sizes.M, 1}, arguments);
  const StepResults columns(steps.column_radii, place, {1, place.sizes.N},
                            arguments);
  const std::vector<double> of_x = rows.numbers();
  const std::vector<double> of_y = columns.numbers();
  // One word of a maximum is the value, the other one its index.
  const std::size_t words = row_of(Reduction::max).results.size();
  for (std::size_t k = 0; k < of_x.size(); k += words) {
    if (!is_near_centre(of_x[k] + of_y[k])) return false;
  }
  return true;
}

/// Runs a function on centred points; returns false, and does not, where they
/// are too far from their mean.
bool run_centred(const ArrayFunction::State& function, const RunPlace& place,
                 std::span<const ArrayView> arguments,
                 std::span<const MutableArrayView> results) {
  const CentreSteps& steps = *function.centre_steps;
  const auto first =
      static_cast<std::ptrdiff_t>(steps.totals.map_reduce.arguments.size());
  std::vector<ArrayView> own(arguments.begin(), arguments.begin() + first);
  const StepResults totals(steps.totals, place, {1, place.sizes.N}, own);
  totals.append_to(own);
  if (!are_near(steps, place, own)) return false;
  std::vector<ArrayView> all(arguments.begin(), arguments.end());
  totals.append_to(all);
  run(*function.centred, place, all, results);
  return true;
}

}  // namespace

void check_backend(Backend backend, const Device& device,
                   std::string_view name) {
  const bool is_cpu = device == Device{};
  if (backend == Backend::cuda) {
    cuda::check_driver(concat("backend '", name, "'"),
                       is_cpu ? "With backend='auto' it runs on the CPU." : "");
    return;
  }
  if (is_cpu) return;
  if (backend == Backend::automatic) {
    if (device.name.starts_with("cuda")) {
      cuda::check_driver(concat("arrays on ", device.name));
      return;
    }
    throw DeviceError(concat(
        "kernel_product(): expected arrays on the CPU or on a CUDA device, got "
        "arrays on ",
        device.name, "."));
  }
  throw ArgumentError(
      concat("kernel_product(): expected arrays on the CPU for this backend, "
             "got arrays on ",
             device.name, "."));
}

void run_on_device(const ArrayFunction::State& function, const RunPlace& place,
                   const Batch& batch) {
  check_backend(place.backend, place.device);
  const Runnable& runnable = function.runnable;
  cuda::run(runnable.grid_programs.of(runnable.map_reduce), place.sizes,
            place.dtype, batch, place.how);
}

void run(const ArrayFunction::State& function, const RunPlace& place,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results) {
  if (place.device != Device{}) {
    // Whether points are near their mean would have to come from the device.
    run_on_device(function, place, batch_of_one(arguments, results));
    return;
  }
  const bool may_be_centred = function.centred &&
                              place.backend != Backend::reference &&
                              is_centring_worth(place.sizes.M, place.sizes.N);
  if (may_be_centred && run_centred(function, place, arguments, results)) {
    return;
  }
  run(function.runnable, place, arguments, results);
}

}  // namespace gramless
