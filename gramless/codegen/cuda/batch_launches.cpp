// SPDX-License-Identifier: MIT
// Cuts batches into launches, and lays out what these share.
#include "gramless/codegen/cuda/batch_launches.h"

#include <algorithm>
#include <cstring>

namespace gramless {
namespace {

constexpr int64_t kWide = 8;  // Bytes of a float64.

/// The arrays of a batch: arguments, results, and the parts of the results.
Slabs slabs_of(const Batch& batch) {
  Slabs::Strides strides;
  strides.reserve(batch.arguments.size() + 2 * batch.results.size());
  for (const auto& array : batch.arguments) strides.push_back(array.strides());
  for (const auto& array : batch.results) strides.push_back(array.strides());
  for (const auto& array : batch.results) {
    strides.push_back(array.part_strides());
  }
  return Slabs(batch.leading, strides);
}

/// Returns the pointer to the part of an array that is so many elements behind
/// its start.
template <class View>
auto pointer_at(const BatchedArray<View>& array, int64_t elements) {
  using Data = std::remove_pointer_t<decltype(View::data)>;
  return PointerTo<Data>{array.behind(elements), array.row_stride(),
                         array.column_stride()};
}

void queue_add(const AddParameters& parameters,
               const BatchLaunches::Queue& queue) {
  queue(add_launch(parameters.elements),
        std::as_bytes(std::span(&parameters, 1)));
}

}  // namespace

BatchLaunches::BatchLaunches(const Program& program, const GridPlan& plan,
                             const Batch& batch, const BatchLimits& limits)
    : program_(program),
      plan_(plan),
      batch_(batch),
      launches_(grid_launches(program, plan)),
      slabs_(slabs_of(batch)) {
  find_shared_results();
  std::vector<std::size_t> ordered;
  for (const SharedResult& each : shared_) {
    ordered.push_back(part_place(each.result));
  }
  slabs_.cut_longest(ordered);
  choose_slabs(limits);
  if (batch.problems > 0 && !launches_.empty()) lay_out_workspace();
}

void BatchLaunches::find_shared_results() {
  for (const ProgramOutput& output : program_.outputs) {
    for (std::size_t k = 0; k < output.finishes.size(); ++k) {
      const std::size_t result = output.output + k;
      const auto& array = batch_.results[result];
      if (!array.is_shared()) continue;
      const int64_t width = elements_in(array.first().shape);
      if (width > 0) shared_.push_back({result, width, array.parts() * width});
    }
  }
}

void BatchLaunches::choose_slabs(const BatchLimits& limits) {
  int64_t of_problem = plan_.workspace.bytes;
  int64_t of_sums = 0;
  for (const SharedResult& shared : shared_) {
    of_problem += shared.width * kWide;
    of_sums += shared.elements * kWide;
  }
  const int64_t most =
      std::clamp<int64_t>(slabs_.longest(), 1, limits.problems);
  const auto fitting = [&](int64_t bytes) {
    return of_problem > 0 ? std::clamp<int64_t>(bytes / of_problem, 1, most)
                          : most;
  };
  at_once_ = fitting(limits.workspace_bytes);
  if (slabs_.count(at_once_) > 1) {
    at_once_ = fitting(limits.workspace_bytes - of_sums);
  }
}

void BatchLaunches::lay_out_workspace() {
  const auto take = [&](int64_t& start, int64_t numbers) {
    start = bytes_;
    bytes_ += numbers * kWide;
  };
  bytes_ = at_once_ * plan_.workspace.bytes;
  for (SharedResult& shared : shared_) {
    take(shared.terms, at_once_ * shared.width);
  }
  if (slabs_.count(at_once_) == 1) return;  // It adds all terms at once.
  for (SharedResult& shared : shared_) take(shared.sums, shared.elements);
}

std::size_t BatchLaunches::result_place(std::size_t result) const {
  return batch_.arguments.size() + result;
}

std::size_t BatchLaunches::part_place(std::size_t result) const {
  return result_place(batch_.results.size() + result);
}

void BatchLaunches::queue(void* workspace, const Queue& queue) const {
  if (launches_.empty()) return;
  if (batch_.problems == 0) queue_empty_sums(queue);
  auto* const memory = static_cast<std::byte*>(workspace);
  slabs_.for_each(at_once_, [&](const Slab& slab) {
    const std::vector<std::byte> parameter =
        grid_parameters(program_, plan_, arrays_of(slab, memory));
    for (KernelLaunch each : launches_) {
      each.problems = slab.problems;
      queue(each, parameter);
    }
    for (const SharedResult& shared : shared_) {
      queue_sum(shared, slab, memory, queue);
    }
  });
}

GridArrays BatchLaunches::arrays_of(const Slab& slab,
                                    std::byte* workspace) const {
  GridArrays arrays{.workspace = workspace};
  const auto add = [&](const auto& array, auto& pointers) {
    const std::size_t place = arrays.problem_strides.size();
    pointers.push_back(pointer_at(array, slab.offsets[place]));
    arrays.problem_strides.push_back(slabs_.stride(place) *
                                     dtype_size(array.view().dtype));
  };
  for (const auto& array : batch_.arguments) add(array, arrays.arguments);
  for (const auto& array : batch_.results) add(array, arrays.results);
  for (const auto& [result, width, elements, terms, sums] : shared_) {
    const std::vector<int64_t> shape = batch_.results[result].first().shape;
    arrays.results[result] = pointer_to(MutableArrayView{
        workspace + terms, DType::float64, shape, row_major_strides(shape)});
    arrays.problem_strides[result_place(result)] = width * kWide;
  }
  return arrays;
}

AddParameters BatchLaunches::result_of(const SharedResult& shared) const {
  const auto& array = batch_.results[shared.result];
  const auto& [data, dtype, shape, strides, device] = array.view();
  const int64_t columns = shape.empty() ? 1 : shape.back();
  return {.elements = shared.width,
          .result = data,
          .is_float32 = dtype == DType::float32 ? 1 : 0,
          .rows = shared.width / columns,
          .columns = columns,
          .row_stride = array.row_stride(),
          .column_stride = array.column_stride()};
}

/// The problems of a slab share one part of the result, or each has its own.
void BatchLaunches::queue_sum(const SharedResult& shared, const Slab& slab,
                              std::byte* workspace, const Queue& queue) const {
  const auto& [result, width, elements, terms, sums] = shared;
  const std::size_t place = result_place(result);
  const std::size_t part = part_place(result);
  AddParameters parameters = result_of(shared);
  const auto words_at = [&](int64_t bytes) {
    return reinterpret_cast<double*>(workspace + bytes);
  };
  parameters.terms = words_at(terms);
  parameters.sums = words_at(sums + slab.offsets[part] * width * kWide);
  if (slabs_.stride(part) == 0) {
    parameters.term_count = slab.problems;
    parameters.term_stride = width;
  } else {
    parameters.term_count = 1;
    parameters.elements *= slab.problems;
    parameters.part_stride = slabs_.stride(place);
  }
  parameters.has_earlier = slab.is_first[part] ? 0 : 1;
  parameters.has_later = slab.is_last[part] ? 0 : 1;
  parameters.result = batch_.results[result].behind(slab.offsets[place]);
  queue_add(parameters, queue);
}

void BatchLaunches::queue_empty_sums(const Queue& queue) const {
  for (const SharedResult& shared : shared_) {
    AddParameters parameters = result_of(shared);
    const auto& array = batch_.results[shared.result];
    for (int64_t part = 0; part < array.parts(); ++part) {
      parameters.result = array.part(part);
      queue_add(parameters, queue);
    }
  }
}

}  // namespace gramless
