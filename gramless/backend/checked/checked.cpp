// SPDX-License-Identifier: MIT
// Runs a program with all the checks that are too slow to be made always.
#include <algorithm>
#include <cmath>

#include "gramless/backend/backend.h"
#include "gramless/backend/checked/guarded_array.h"
#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless::checked {
namespace {

/// Returns up to which exponent of 2 its rounding changes a sum by less than
/// what check_near() allows.
double largest_exponent(DType dtype) {
  return dtype == DType::float32 ? 1e5 : 5e7;
}

[[noreturn]] void fail(const std::string& problem) {
  throw InternalError(concat("the checked backend found that ", problem,
                             ". Please report it with the call."));
}

/// Calls `visit(offset)` for the elements of a view in row-major order.
template <class View, class Visit>
void for_each_element(const View& view, const Visit& visit) {
  const std::vector<int64_t>& shape = view.shape;
  const int64_t rows = shape.size() == 2 ? shape[0] : 1;
  const int64_t elements = shape.empty() ? 1 : shape.back();
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t element = 0; element < elements; ++element) {
      visit((shape.size() == 2 ? row * view.strides[0] : 0) +
            (shape.empty() ? 0 : element * view.strides.back()));
    }
  }
}

/// Copies of the arguments of one run, and memory for its results.
struct Arrays {
  Arrays(std::span<const ArrayView> sources,
         std::span<const MutableArrayView> targets, Edge edge) {
    for (const ArrayView& source : sources) {
      const GuardedArray& copy =
          copies.emplace_back(source.dtype, source.shape, edge);
      int64_t index = 0;
      for_each_element(source, [&](int64_t offset) {
        copy.view().store(index++, source.at(offset));
      });
      arguments.push_back(copy.const_view());
    }
    for (const MutableArrayView& target : targets) {
      const GuardedArray& memory =
          written.emplace_back(target.dtype, target.shape, edge);
      memory.mark_unwritten();
      results.push_back(memory.view());
    }
  }

  std::vector<GuardedArray> copies;
  std::vector<GuardedArray> written;
  std::vector<ArrayView> arguments;
  std::vector<MutableArrayView> results;
};

bool is_output(const Program& program, std::size_t result) {
  return std::any_of(program.outputs.begin(), program.outputs.end(),
                     [&](const ProgramOutput& output) {
                       return result >= output.output &&
                              result < output.output + output.finishes.size();
                     });
}

/// Checks that the outputs of the program, and no others, were written.
void check_written(const Program& program, const GuardedArray& array,
                   std::size_t result) {
  const auto size = static_cast<std::size_t>(dtype_size(array.view().dtype));
  const bool is_wanted = is_output(program, result);
  for (std::size_t k = 0; k < array.bytes().size() / size; ++k) {
    if (array.is_written(k) == is_wanted) continue;
    fail(concat("element ", k, " of ", program.results[result].name,
                is_wanted ? " was not written"
                          : " was written, though it "
                            "belongs to another sweep"));
  }
}

/// Returns what the reference backend gives, in float64.
std::vector<std::vector<double>> reference_results(
    std::span<const Program> programs, Sizes sizes, const Arrays& arrays,
    const RunOptions& options) {
  std::vector<std::vector<double>> values;
  std::vector<MutableArrayView> views;
  for (const MutableArrayView& view : arrays.results) {
    std::size_t size = 1;
    for (const int64_t extent : view.shape) {
      size *= static_cast<std::size_t>(extent);
    }
    values.emplace_back(size);
    views.push_back(
        MutableArrayView::contiguous(values.back().data(), view.shape));
  }
  for (const Program& program : programs) {
    reference::run(program, sizes, arrays.arguments, views, options);
  }
  return values;
}

std::vector<double> numbers_of(const ArrayView& view) {
  std::vector<double> numbers;
  for_each_element(view,
                   [&](int64_t offset) { numbers.push_back(view.at(offset)); });
  return numbers;
}

/// A result of an output, with the sizes of what its errors may come from.
struct Comparable {
  std::size_t result;
  std::vector<double> actual;
  std::vector<double> magnitudes;
};

/// Returns the results of an output that are comparable: a sum on the scale
/// that the reference has for it, and not the scale itself, which may be
/// another where the largest term is near a power of 4, nor the logarithm of a
/// sum that may be next to 0, which follows from the two. But of exponents
/// whose rounding changes the sum, it is the logarithm alone.
std::vector<Comparable> comparable_results(
    const ProgramOutput& output, const std::vector<GuardedArray>& arrays,
    const std::vector<std::vector<double>>& expected,
    const std::vector<std::vector<double>>& magnitudes) {
  std::vector<Comparable> results;
  const ReductionRow& row = row_of(output.reduction);
  for (std::size_t k = 0; k < row.results.size(); ++k) {
    const std::size_t result = output.output + k;
    results.push_back(
        {result, numbers_of(arrays[result].const_view()), magnitudes[result]});
  }
  if (!row.has_scale) return results;
  Comparable& log = results[0];
  Comparable& sum = results[1];
  const Comparable& shift = results[2];
  const double largest = largest_exponent(arrays[output.output].view().dtype);
  for (std::size_t k = 0; k < sum.actual.size(); ++k) {
    const double wanted = expected[shift.result][k];
    if (std::abs(2 * wanted) <= largest) {
      sum.actual[k] *= std::exp2(2 * (shift.actual[k] - wanted));
      log.actual[k] = expected[log.result][k];
      log.magnitudes[k] = 0;
    } else {
      sum.actual[k] = expected[sum.result][k];
      log.magnitudes[k] = expected[log.result][k];
    }
  }
  results.pop_back();
  return results;
}

/// Returns whether a derivative starts from exponents whose rounding changes
/// the weights of its terms.
bool has_large_exponents(const Program& program,
                         std::span<const ArrayView> arguments, DType dtype) {
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (program.arguments[k].name != kShift) continue;
    for (const double shift : numbers_of(arguments[k])) {
      if (std::abs(2 * shift) > largest_exponent(dtype)) return true;
    }
  }
  return false;
}

/// Compares a result with the reference: to 0.02 (float32) or 1e-8 (float64) of
/// the largest sum of absolute terms, which leaves room for exponentials of
/// rounded numbers up to 1e5. What overflows is not compared.
void check_near(const std::string& name, DType dtype,
                const std::vector<double>& actual,
                const std::vector<double>& expected,
                const std::vector<double>& magnitudes) {
  const bool single = dtype == DType::float32;
  const double largest = single ? 1e30 : 1e300;
  double scale = 0;
  for (const double magnitude : magnitudes) {
    scale = std::max(scale, std::abs(magnitude));
  }
  if (!(scale < largest)) return;
  const double tolerance = (single ? 0.02 : 1e-8) * scale + 1 / largest;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double value = actual[k];
    const bool is_same =
        value == expected[k] || (std::isnan(value) && std::isnan(expected[k]));
    if (is_same || std::abs(value - expected[k]) <= tolerance) continue;
    fail(concat("element ", k, " of ", name, " is ", number_text(value),
                ", where the reference backend gives ",
                number_text(expected[k])));
  }
}

}  // namespace

void run(RunProgram engine, const CheckedProgram& checked, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options) {
  const Program& program = checked.program;
  Arrays first(arguments, results, Edge::end);
  Arrays second(arguments, results, Edge::begin);
  engine(program, sizes, first.arguments, first.results, options);
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    if (first.copies[k].has_bytes_of(second.copies[k])) continue;
    fail(concat("argument ", program.arguments[k].name, " was written to"));
  }
  engine(program, sizes, second.arguments, second.results, options);
  const auto expected =
      reference_results(checked.reference, sizes, first, options);
  const auto magnitudes =
      reference_results(checked.magnitudes, sizes, first, options);
  for (std::size_t k = 0; k < results.size(); ++k) {
    const std::string& name = program.results[k].name;
    check_written(program, first.written[k], k);
    if (!first.written[k].has_bytes_of(second.written[k])) {
      fail(concat("two runs gave different bits in ", name));
    }
  }
  const DType dtype = find_dtype(program.arguments, arguments);
  const bool is_comparable = !has_large_exponents(program, arguments, dtype);
  for (const ProgramOutput& output : program.outputs) {
    if (!is_comparable) break;
    for (const Comparable& each :
         comparable_results(output, first.written, expected, magnitudes)) {
      check_near(program.results[each.result].name, dtype, each.actual,
                 expected[each.result], each.magnitudes);
    }
  }
  for (std::size_t k = 0; k < results.size(); ++k) {
    if (!is_output(program, k)) continue;
    const ArrayView actual = first.written[k].const_view();
    int64_t index = 0;
    for_each_element(results[k], [&](int64_t offset) {
      results[k].store(offset, actual.at(index++));
    });
  }
}

}  // namespace gramless::checked
