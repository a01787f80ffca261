// SPDX-License-Identifier: MIT
// Copies arrays to guarded pages, and looks at what a run did.
#include "fuzz/guarded_run.h"

#include <algorithm>

#include "gramless/backend/checked/guarded_array.h"
#include "gramless/base/check_array.h"
#include "gramless/transform/expand.h"

namespace gramless::testing {
namespace {

using checked::Edge;
using checked::GuardedArray;

std::vector<int64_t> shape_of(const ArrayForm& array, Sizes sizes) {
  if (array.pair == PairIndex::none) return {array.columns};
  return {rows_of(array, sizes), array.columns};
}

DType dtype_of(const ArrayForm& array, const Call& call) {
  return array.is_wide ? DType::float64 : call.dtype;
}

struct Run {
  Run(const Call& call, Edge edge) {
    for (const ArrayForm& array : call.function.arguments()) {
      const GuardedArray& copy = copies.emplace_back(
          dtype_of(array, call), shape_of(array, call.sizes), edge);
      int64_t index = 0;
      for (const double value : call.arrays.at(array.name)) {
        copy.view().store(index++, value);
      }
      arguments.push_back(copy.const_view());
    }
    for (const ArrayForm& array : call.function.results()) {
      const GuardedArray& result = written.emplace_back(
          dtype_of(array, call), shape_of(array, call.sizes), edge);
      result.mark_unwritten();
      results.push_back(result.view());
    }
  }

  std::vector<GuardedArray> copies;
  std::vector<GuardedArray> written;
  std::vector<ArrayView> arguments;
  std::vector<MutableArrayView> results;
};

bool have_same_bytes(const std::vector<GuardedArray>& a,
                     const std::vector<GuardedArray>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const GuardedArray& one, const GuardedArray& other) {
                      return one.has_bytes_of(other);
                    });
}

bool is_all_written(const GuardedArray& array) {
  const auto size = static_cast<std::size_t>(dtype_size(array.view().dtype));
  for (std::size_t k = 0; k < array.bytes().size() / size; ++k) {
    if (!array.is_written(k)) return false;
  }
  return true;
}

ForcedChoices draw_choices(Draw& draw) {
  ForcedChoices forced;
  if (draw.below(4) != 0) return forced;
  forced.most =
      draw.one_of({VectorIsa::baseline, VectorIsa::avx2, VectorIsa::avx512});
  forced.plan = draw.one_of<PlanOverrides>({
      {.lanes = 1},
      {.lanes_along_kept = true},
      {.lanes_along_kept = false},
      {.kept_unroll = 3, .reduced_unroll = 3},
      {.longest_unrolled = 0},
      {.chunk = 64, .splits = 3},
  });
  return forced;
}

/// Runs a function by its programs, of which none has crossed outputs.
void run_programs(const Call& call, const Run& run) {
  const MapReduce& map_reduce = call.function.state().runnable.map_reduce;
  for (const Program& program : plan_grid_sweeps(expand(map_reduce))) {
    call.engine(program, call.sizes, run.arguments, run.results);
  }
}

void run_generated_code(const Call& call, const Run& run, int threads,
                        const ForcedChoices& forced) {
  if (call.engine) {
    run_programs(call, run);
    return;
  }
  run_function(call.function, run.arguments, run.results,
               {Backend::automatic, threads}, forced);
}

std::vector<double> numbers_of(const MutableArrayView& view) {
  int64_t count = 1;
  for (const int64_t extent : view.shape) count *= extent;
  std::vector<double> numbers(static_cast<std::size_t>(count));
  const ArrayView array = read_only(view);
  for (int64_t k = 0; k < count; ++k) {
    numbers[static_cast<std::size_t>(k)] = array.at(k);
  }
  return numbers;
}

}  // namespace

int64_t rows_of(const ArrayForm& array, Sizes sizes) {
  if (array.pair == PairIndex::none) return 1;
  return array.pair == PairIndex::i ? sizes.M : sizes.N;
}

Arrays run_between_guards(Draw& draw, const Call& call) {
  Run first(call, Edge::end);
  Run second(call, Edge::begin);
  const int threads = draw.one_of({1, 2, 3});
  const ForcedChoices forced = draw_choices(draw);
  run_generated_code(call, first, threads, forced);
  require(have_same_bytes(first.copies, second.copies),
          "an argument was written to");
  run_generated_code(call, second, 4 - threads, forced);
  require(have_same_bytes(first.written, second.written),
          "two runs gave different bits");
  Arrays results;
  for (std::size_t k = 0; k < first.written.size(); ++k) {
    const std::string& name = call.function.results()[k].name;
    require(is_all_written(first.written[k]),
            "an element of " + name + " was not written");
    results[name] = numbers_of(first.results[k]);
  }
  return results;
}

Arrays run_reference(const Call& call) {
  Run run(call, Edge::end);
  Options options;
  options.backend = Backend::reference;
  options.threads = 1;
  call.function(run.arguments, run.results, options);
  Arrays results;
  for (std::size_t k = 0; k < run.written.size(); ++k) {
    results[call.function.results()[k].name] = numbers_of(run.results[k]);
  }
  return results;
}

}  // namespace gramless::testing
