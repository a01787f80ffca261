// SPDX-License-Identifier: MIT
// Tests the checks of arguments: signatures of what is right, and the texts for
// what is wrong.
#include "gramless/call/arguments.h"

#include <gtest/gtest.h>

#include "gramless/error.h"

namespace gramless {
namespace {

ArrayView view(std::vector<int64_t> shape, DType dtype = DType::float64,
               const std::string& device = "cpu") {
  static const double memory = 0;  // Nothing reads it.
  std::vector<int64_t> strides = row_major_strides(shape);
  return {&memory, dtype, std::move(shape), std::move(strides), {device}};
}

Arguments right_arguments() {
  return {.x = {view({5, 3})},
          .y = {view({7, 3})},
          .gamma = {{view({1})}},
          .b = {view({7, 2})}};
}

const ParsedKernel& gaussian() {
  static const ParsedKernel kernel = parse_kernel("gaussian(x,y)");
  return kernel;
}

template <class E>
void expect_message(const Arguments& arguments, const std::string& message) {
  try {
    check_arguments(gaussian(), arguments);
    FAIL() << "accepted: " << message;
  } catch (const E& error) {
    EXPECT_EQ(error.what(), "kernel_product(): expected " + message);
  }
}

TEST(CheckArguments, FindsTheFormOfGamma) {
  struct Case {
    std::vector<int64_t> shape;
    PairIndex rows;
    GammaForm form;
  };
  const std::vector<Case> cases = {{{}, PairIndex::j, {1, PairIndex::none}},
                                   {{1}, PairIndex::j, {1, PairIndex::none}},
                                   {{3}, PairIndex::j, {3, PairIndex::none}},
                                   {{9}, PairIndex::j, {9, PairIndex::none}},
                                   {{7, 1}, PairIndex::j, {1, PairIndex::j}},
                                   {{7, 3}, PairIndex::j, {3, PairIndex::j}},
                                   {{7, 9}, PairIndex::j, {9, PairIndex::j}},
                                   {{5, 1}, PairIndex::i, {1, PairIndex::i}},
                                   {{5, 3}, PairIndex::i, {3, PairIndex::i}},
                                   {{5, 9}, PairIndex::i, {9, PairIndex::i}}};
  for (const Case& one : cases) {
    Arguments arguments = right_arguments();
    arguments.gamma = {{view(one.shape), one.rows}};
    const Signature signature = check_arguments(gaussian(), arguments);
    EXPECT_EQ(signature.kernel.gammas, std::vector{one.form})
        << one.shape.size();
    EXPECT_EQ(signature.kernel.x_widths, std::vector<int64_t>{3});
    EXPECT_EQ(signature.signal, 2);
  }
}

TEST(CheckArguments, SaysWhatIsWrong) {
  Arguments wrong = right_arguments();
  wrong.y = {view({7, 2})};
  expect_message<ArgumentError>(
      wrong,
      "x[0] and y[0] to have the same number of columns, got x[0] (5, 3) and "
      "y[0] (7, 2).");
  wrong = right_arguments();
  wrong.b = {view({7})};
  expect_message<ArgumentError>(wrong,
                                "b to have two dimensions, (N, E), got (7,). "
                                "Write 'b.view(-1, 1)' for one column.");
  wrong = right_arguments();
  wrong.b = {view({7, 2}, DType::float32)};
  expect_message<DTypeError>(
      wrong, "all tensors to have one dtype, got x[0] float64 and b float32.");
  wrong = right_arguments();
  wrong.y = {view({7, 3}, DType::float64, "cuda:0")};
  expect_message<DeviceError>(
      wrong,
      "all tensors to be on one device, got x[0] on cpu and y[0] on cuda:0.");
  wrong = right_arguments();
  wrong.gamma = {{view({3, 3})}};
  expect_message<ArgumentError>(
      wrong,
      "gamma[0] to have N = 7 rows, one for each j, got (3, 3). Flatten a "
      "matrix that is the same for all pairs: 'gamma[0].view(-1)'.");
}

TEST(CheckArguments, KnowsTheModes) {
  for (const ModeRow& row : mode_table()) {
    EXPECT_EQ(parse_mode(row.name), row.mode);
    EXPECT_EQ(parse_mode(row.older_name), row.mode);
  }
  EXPECT_EQ(parse_mode("log_barycenter"), Mode::log_scaled_barycenter);
  EXPECT_THROW(parse_mode("mean"), ArgumentError);
  EXPECT_THROW(parse_mode(""), ArgumentError);
}

}  // namespace
}  // namespace gramless
