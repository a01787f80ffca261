// SPDX-License-Identifier: MIT
// Checks arguments, and runs the function of a mode.
#include "gramless/kernel_product.h"

namespace gramless {

void kernel_product(const Kernel& kernel, const Arguments& arguments,
                    const MutableArrayView& result, const Options& options) {
  const ArrayFunction function = ArrayFunction::shared(
      kernel, check_arguments(kernel.parsed(), arguments));
  check_result(arguments, result);
  const std::vector<ArrayView> arrays = flatten(arguments);
  std::vector<MutableArrayView> results = {result};
  std::vector<std::vector<std::byte>> memory;
  for (std::size_t k = 1; k < function.results().size(); ++k) {
    const DType dtype = function.result_dtype(k, result.dtype, options.backend);
    int64_t bytes = dtype_size(dtype);
    for (const int64_t extent : result.shape) bytes *= extent;
    memory.emplace_back(static_cast<std::size_t>(bytes));
    results.push_back({memory.back().data(), dtype, result.shape,
                       row_major_strides(result.shape), result.device});
  }
  function(arrays, results, options);
}

std::string explain(const Kernel& kernel, const Arguments& arguments,
                    CodeText code) {
  const ArrayFunction function(kernel,
                               check_arguments(kernel.parsed(), arguments));
  const std::vector<ArrayView> arrays = flatten(arguments);
  return function.explain(function.sizes_of(arrays), arrays[0].dtype, code);
}

}  // namespace gramless
