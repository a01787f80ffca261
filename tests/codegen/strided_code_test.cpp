// SPDX-License-Identifier: MIT
// Copies rows from each layout of memory to each other one.
#include "gramless/codegen/strided_code.h"

#include <gtest/gtest.h>

#include <array>
#include <tuple>

#include "gramless/backend/cpu/executable.h"

namespace gramless {
namespace {

/// Distances of rows and of elements.
struct Strides {
  int64_t row;
  int64_t element;
};

/// Copies `count` rows, with the strides of the source and of the target.
template <class T>
using Copy = void(const T* from, T* to, int64_t count, const Strides* strides);

/// Returns the module with a function that copies rows of some elements.
template <class T>
GeneratedModule copying(const Target& target, int lanes, int64_t elements) {
  GeneratedModule generated = make_module(target, "copying");
  llvm::LLVMContext& context = *generated.context;
  llvm::IRBuilder<> ir(context);
  llvm::Type* pointer = ir.getPtrTy();
  llvm::Function* function = add_function(
      generated, "copy",
      llvm::FunctionType::get(
          ir.getVoidTy(), {pointer, pointer, ir.getInt64Ty(), pointer}, false));
  ir.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  const auto stride = [&](std::size_t index) {
    return load_field(ir, function->getArg(3), index * sizeof(int64_t),
                      ir.getInt64Ty());
  };
  llvm::Value* const count = function->getArg(2);
  const RowLayout from{count, stride(0), stride(1), lanes, elements};
  const RowLayout to{count, stride(2), stride(3), lanes, elements};
  RowVectors sources(generated, ir, from);
  RowVectors targets(generated, ir, to);
  llvm::Type* number = sizeof(T) == 4 ? ir.getFloatTy() : ir.getDoubleTy();
  llvm::Value* step = ir.getInt64(static_cast<uint64_t>(lanes));
  emit_loop(ir, {ir.getInt64(0), count, step}, {},
            [&](llvm::Value* row, const Registers&) -> Registers {
              const auto at = [&](unsigned argument, const RowLayout& layout) {
                return ir.CreateGEP(number, function->getArg(argument),
                                    ir.CreateMul(row, layout.row_stride));
              };
              targets.store(sources.load(number, at(0, from), row), at(1, to),
                            row);
              return {};
            });
  ir.CreateRetVoid();
  verify(generated);
  return generated;
}

/// Some rows of a layout, with room around them.
template <class T>
class Rows {
 public:
  Rows(int64_t rows, int64_t elements, Strides strides) : strides_(strides) {
    const int64_t last_row = (rows - 1) * strides.row;
    const int64_t last_element = (elements - 1) * strides.element;
    first_ = kRoom - std::min<int64_t>(last_row, 0);
    numbers_.resize(static_cast<std::size_t>(std::abs(last_row) + last_element +
                                             1 + 2 * kRoom),
                    T(-1));
  }

  [[nodiscard]] T* data() { return numbers_.data() + first_; }
  T& at(int64_t row, int64_t element) {
    return data()[row * strides_.row + element * strides_.element];
  }
  bool operator==(const Rows& other) const {
    return numbers_ == other.numbers_;
  }

 private:
  static constexpr int64_t kRoom = 40;

  Strides strides_;
  int64_t first_ = 0;
  std::vector<T> numbers_;
};

std::vector<Strides> layouts(int64_t rows, int64_t elements) {
  return {
      {elements, 1},      // Whole rows next to each other.
      {1, rows},          // Columns next to each other.
      {1, rows + 5},      // With room between columns.
      {elements + 1, 1},  // With room between rows.
      {2 * elements, 2},  // With room between elements.
      {-elements, 1},     // From the last row to the first one.
      {0, 1},             // One row for all.
  };
}

template <class T>
class Copies {
 public:
  Copies(const Target& target, int lanes, int64_t elements)
      : lanes_(lanes),
        elements_(elements),
        executable_(copying<T>(target, lanes, elements)) {
    copy_ = executable_.function<Copy<T>>("copy");
  }

  void expect() const {
    const int64_t n = lanes_;
    for (const int64_t rows : {int64_t{1}, n - 1, n, n + 1, 2 * n, 3 * n + 2}) {
      for (const Strides from : layouts(rows, elements_)) {
        for (const Strides to : layouts(rows, elements_)) {
          // What has one place must be equal.
          if (to.row == 0 && from.row != 0 && rows > 1) continue;
          expect(rows, from, to);
        }
      }
    }
  }

 private:
  void expect(int64_t rows, Strides from, Strides to) const {
    if (rows == 0) return;
    Rows<T> source(rows, elements_, from);
    Rows<T> expected(rows, elements_, to);
    Rows<T> result(rows, elements_, to);
    for_each(rows, [&](int64_t row, int64_t k) {
      source.at(row, k) = static_cast<T>(row * elements_ + k);
    });
    for_each(rows, [&](int64_t row, int64_t k) {
      expected.at(row, k) = source.at(row, k);
    });
    const std::array strides = {from, to};
    copy_(source.data(), result.data(), rows, strides.data());
    EXPECT_TRUE(result == expected)
        << lanes_ << " lanes, " << rows << " x " << elements_ << ", from {"
        << from.row << ", " << from.element << "} to {" << to.row << ", "
        << to.element << "}";
  }

  template <class Body>
  void for_each(int64_t rows, const Body& body) const {
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t k = 0; k < elements_; ++k) body(row, k);
    }
  }

  int lanes_;
  int64_t elements_;
  cpu::Executable executable_;
  Copy<T>* copy_;
};

class StridedCode
    : public ::testing::TestWithParam<std::tuple<VectorIsa, int64_t>> {};

TEST_P(StridedCode, CopiesRowsBetweenAllLayouts) {
  const auto [isa, elements] = GetParam();
  const Target target = host_target(isa);
  if (target.isa != isa) GTEST_SKIP() << "This processor has no such vectors.";
  Copies<float>(target, target.vector_bytes / 4, elements).expect();
  Copies<double>(target, target.vector_bytes / 8, elements).expect();
  if (elements > 1) return;
  Copies<float>(target, 1, elements).expect();
  Copies<double>(target, 1, elements).expect();
}

INSTANTIATE_TEST_SUITE_P(
    Instructions, StridedCode,
    ::testing::Combine(::testing::Values(VectorIsa::baseline, VectorIsa::avx2,
                                         VectorIsa::avx512),
                       ::testing::Range<int64_t>(1, kElementsTogether + 2)));

}  // namespace
}  // namespace gramless
