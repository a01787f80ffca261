// SPDX-License-Identifier: MIT
// Checks arguments, and runs what a mode takes: one function, or two and a
// logarithm.
#include "gramless/kernel_product.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace gramless {

double finite_shift(double shift) {
  constexpr double kLargest = 0x1p100;
  if (shift == -std::numeric_limits<double>::infinity()) return kLargest;
  return std::clamp(shift, -kLargest, kLargest);
}

namespace {

/// Runs a mode that is a logarithm: the scale of the terms, their sum on it,
/// and the logarithm of both.
void run_logarithm(const Kernel& kernel, const Signature& signature,
                   std::vector<ArrayView> arrays,
                   const MutableArrayView& result, const Options& options) {
  int64_t size = 1;
  for (const int64_t extent : result.shape) size *= extent;
  // What runs in float64 would not find a rounded scale the largest.
  const DType dtype =
      options.backend == Backend::reference ? DType::float64 : result.dtype;
  std::vector<std::byte> memory(
      static_cast<std::size_t>(size * dtype_size(dtype)));
  const MutableArrayView shift{memory.data(), dtype, result.shape,
                               row_major_strides(result.shape), result.device};
  const ArrayView scale{memory.data(), shift.dtype, shift.shape, shift.strides,
                        shift.device};
  ArrayFunction::of_shift(kernel, signature)(arrays, {{shift}}, options);
  for (int64_t k = 0; k < size; ++k) shift.store(k, finite_shift(scale.at(k)));
  arrays.push_back(scale);
  ArrayFunction(kernel, signature)(arrays, {{result}}, options);
  const ArrayView sum{result.data, result.dtype, result.shape, result.strides,
                      result.device};
  const int64_t columns = std::max<int64_t>(1, result.shape[1]);
  for (int64_t k = 0; k < size; ++k) {
    const int64_t place =
        k / columns * result.strides[0] + k % columns * result.strides[1];
    result.store(place,
                 std::numbers::ln2 * (scale.at(k) + std::log2(sum.at(place))));
  }
}

}  // namespace

void kernel_product(const Kernel& kernel, const Arguments& arguments,
                    const MutableArrayView& result, const Options& options) {
  const Signature signature = check_arguments(kernel.parsed(), arguments);
  check_result(arguments, result);
  const std::vector<ArrayView> arrays = flatten(arguments);
  if (row_of(signature.mode).is_logarithm) {
    run_logarithm(kernel, signature, arrays, result, options);
  } else {
    ArrayFunction(kernel, signature)(arrays, {{result}}, options);
  }
}

std::string explain(const Kernel& kernel, const Arguments& arguments,
                    CodeText code) {
  const ArrayFunction function(kernel,
                               check_arguments(kernel.parsed(), arguments));
  const std::vector<ArrayView> arrays = flatten(arguments);
  return function.explain(function.sizes_of(arrays), arrays[0].dtype, code);
}

}  // namespace gramless
