// SPDX-License-Identifier: MIT
// Finishes logarithms of sums, row by row.
#include "gramless/call/finish_logarithm.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gramless {
namespace {

/// Elements that are worth a task.
constexpr int64_t kTaskElements = int64_t{1} << 15;

/// Calls `visit(row, column)` for each element of a 2-d shape.
template <class Visit>
void for_each_element(const std::vector<int64_t>& shape, int threads,
                      const Visit& visit) {
  const int64_t rows = shape[0];
  const int64_t columns = shape[1];
  const int64_t step =
      std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, columns));
  const int64_t tasks = (rows + step - 1) / step;
  parallel_for(tasks, tasks > 1 ? threads : 1, {}, [&](int64_t task) {
    const int64_t end = std::min(rows, (task + 1) * step);
    for (int64_t row = task * step; row < end; ++row) {
      for (int64_t column = 0; column < columns; ++column) visit(row, column);
    }
  });
}

int64_t offset_of(const MutableArrayView& array, int64_t row, int64_t column) {
  return row * array.strides[0] + column * array.strides[1];
}

}  // namespace

void finish_scale(const MutableArrayView& shift, int threads) {
  const ArrayView scale = read_only(shift);
  for_each_element(shift.shape, threads, [&](int64_t row, int64_t column) {
    const int64_t at = offset_of(shift, row, column);
    const double value = scale.at(at);
    // A sum that is 0 or infinite is so on any scale but its own.
    shift.store(at, std::isinf(value) ? 0 : std::ceil(value));
  });
}

void finish_logarithm(const MutableArrayView& shift,
                      const MutableArrayView& sum,
                      const MutableArrayView& result, int threads) {
  const ArrayView scale = read_only(shift);
  const ArrayView total = read_only(sum);
  for_each_element(result.shape, threads, [&](int64_t row, int64_t column) {
    const double digits = std::log2(total.at(offset_of(sum, row, column)));
    const double power = scale.at(offset_of(shift, row, column));
    result.store(offset_of(result, row, column),
                 2 * std::numbers::ln2 * power + std::numbers::ln2 * digits);
  });
}

}  // namespace gramless
