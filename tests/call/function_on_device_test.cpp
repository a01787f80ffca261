// SPDX-License-Identifier: MIT
// Tests functions on arrays of a CUDA device, where there is one, against the
// reference backend.
#include <gtest/gtest.h>

#include <cmath>
#include <list>
#include <optional>
#include <random>

#include "backend/cuda/device_copy.h"
#include "backend/cuda/device_grid.h"
#include "gramless/backend/cuda/launch.h"
#include "gramless/base/check_array.h"
#include "gramless/call/batch.h"
#include "gramless/call/function.h"

namespace gramless::testing {
namespace {

using Shape = std::vector<int64_t>;

constexpr Sizes kSizes{70, 900};

/// Arrays in float32, with memory of their own.
class Arrays {
 public:
  MutableArrayView add(const Shape& shape) {
    const auto count = static_cast<std::size_t>(elements_in(shape));
    return MutableArrayView::contiguous(
        memory_.emplace_back(count, std::nanf("")).data(), shape);
  }

  /// Adds numbers between 0 and 1.
  ArrayView add_random(const Shape& shape) {
    const MutableArrayView view = add(shape);
    for (float& number : memory_.back()) {
      number = std::uniform_real_distribution<float>()(random_);
    }
    return read_only(view);
  }

 private:
  std::list<std::vector<float>> memory_;
  std::mt19937 random_{1};
};

/// Returns a shape of the argument, with leading dimensions.
Shape shape_of(const ArrayForm& form, Shape leading) {
  const bool is_none = form.pair == PairIndex::none;
  if (!is_none || !leading.empty()) {
    leading.push_back(form.pair == PairIndex::i   ? kSizes.M
                      : form.pair == PairIndex::j ? kSizes.N
                                                  : 1);
  }
  leading.push_back(form.columns);
  return leading;
}

/// Runs a function on copies of arrays on the device.
void run_on_copies(const ArrayFunction& function,
                   const std::vector<ArrayView>& arguments,
                   const std::vector<MutableArrayView>& results) {
  const cuda::Driver& driver = cuda::launcher().driver();
  const DeviceArrays copies(driver, arguments, results);
  std::optional<cuda::DeviceMemory> workspace;
  const auto take = [&](int64_t bytes) {
    workspace.emplace(driver, 0, static_cast<std::size_t>(bytes));
    return workspace->data();
  };
  function(copies.arguments(), copies.results(), {.workspace = take});
  copies.finish();
}

/// Returns the results of a function, which the reference has as well.
std::vector<ArrayView> expect_right(Arrays& arrays,
                                    const ArrayFunction& function,
                                    const std::vector<ArrayView>& arguments) {
  std::vector<MutableArrayView> actual;
  std::vector<MutableArrayView> expected;
  for (const auto& [shape, dtype] : function.result_forms(arguments)) {
    actual.push_back(arrays.add(shape));
    expected.push_back(arrays.add(shape));
  }
  run_on_copies(function, arguments, actual);
  function(arguments, expected, {.backend = Backend::reference});
  std::vector<ArrayView> results;
  for (std::size_t k = 0; k < actual.size(); ++k) {
    results.push_back(read_only(actual[k]));
    const ArrayView right = read_only(expected[k]);
    const int64_t count = elements_in(right.shape);
    double scale = 0;
    for (int64_t n = 0; n < count; ++n) {
      scale = std::max(scale, std::abs(right.at(n)));
    }
    for (int64_t n = 0; n < count; ++n) {
      EXPECT_NEAR(results[k].at(n), right.at(n), 1e-5 * scale);
      if (::testing::Test::HasFailure()) return results;
    }
  }
  return results;
}

class FunctionsOnADevice : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string problem = device_grid().problem();
    if (!problem.empty()) GTEST_SKIP() << problem;
  }
};

TEST_F(FunctionsOnADevice, AreThoseOfTheReference) {
  for (const std::vector<Shape>& leading :
       std::vector<std::vector<Shape>>{{{}, {}, {}, {}},
                                       {{5}, {}, {}, {5}},
                                       {{2, 1}, {3}, {}, {2, 3}},
                                       {{3}, {3}, {3}, {}}}) {
    Arrays arrays;
    const Signature signature{Mode::sum, {{3}, {3}, {{1, PairIndex::none}}}, 2};
    const ArrayFunction product =
        function_of(Kernel("matern32(x,y)"), signature);
    std::vector<ArrayView> arguments;
    for (std::size_t k = 0; k < leading.size(); ++k) {
      const ArrayForm& form = product.arguments()[k];
      arguments.push_back(arrays.add_random(shape_of(form, leading[k])));
    }
    const ArrayView a = expect_right(arrays, product, arguments).front();
    arguments.push_back(arrays.add_random(a.shape));
    expect_right(arrays, product.vjp({0, 1, 2, 3}), arguments);
  }
}

}  // namespace
}  // namespace gramless::testing
