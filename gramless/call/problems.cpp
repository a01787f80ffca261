// SPDX-License-Identifier: MIT
// Makes batches of arrays, and chooses the function that each problem runs.
#include "gramless/call/problems.h"

#include <algorithm>

#include "gramless/call/batch.h"
#include "gramless/error.h"

namespace gramless {
namespace {

Batch make_batch(const ArrayFunction::State& function, Sizes sizes,
                 std::span<const int64_t> leading,
                 std::span<const ArrayView> arguments,
                 std::span<const MutableArrayView> results) {
  Batch batch;
  const auto lines_of = [](const ArraySpec& array) {
    return array.pair == PairIndex::none ? Lines::none : Lines::rows;
  };
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    batch.arguments.emplace_back(arguments[k], leading,
                                 lines_of(function.arguments[k]));
  }
  for (std::size_t k = 0; k < results.size(); ++k) {
    batch.results.emplace_back(results[k], leading,
                               lines_of(function.results[k]));
  }
  batch.leading.assign(leading.begin(), leading.end());
  batch.problems = elements_in(leading);
  batch.pairs = static_cast<double>(sizes.M) * static_cast<double>(sizes.N);
  return batch;
}

/// Returns the function that computes what problems share in float64, if it is
/// another one.
std::shared_ptr<const ArrayFunction::State> wide_function(
    const ArrayFunction::State& function, const RunPlace& place,
    const Batch& batch) {
  std::vector<bool> is_shared;
  for (const auto& result : batch.results) {
    is_shared.push_back(result.is_shared());
  }
  if (std::ranges::count(is_shared, true) == 0) return nullptr;
  // The reference backend takes results of any dtype.
  const bool is_wide_already =
      place.dtype == DType::float64 || place.backend == Backend::reference;
  return is_wide_already ? nullptr : with_wide_results(function, is_shared);
}

}  // namespace

void run_problems(const ArrayFunction::State& function, const RunPlace& place,
                  std::span<const int64_t> leading,
                  std::span<const ArrayView> arguments,
                  std::span<const MutableArrayView> results) {
  const Batch batch =
      make_batch(function, place.sizes, leading, arguments, results);
  const auto wide = wide_function(function, place, batch);
  if (place.device != Device{}) {
    run_on_device(wide ? *wide : function, place, batch);
    return;
  }
  run_batch(
      batch,
      [&](std::span<const ArrayView> own_arguments,
          std::span<const MutableArrayView> own_results,
          const RunOptions& how) {
        RunPlace own = place;
        own.how = how;
        run(wide ? *wide : function, own, own_arguments, own_results);
      },
      place.how);
}

}  // namespace gramless
