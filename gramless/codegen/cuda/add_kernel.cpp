// SPDX-License-Identifier: MIT
// Emits
//
//   for each element, one thread for each
//     the sum of the terms that were added before
//     for each term, in order
//       the sum with the term
//     the sum, or the result
#include "gramless/codegen/cuda/add_kernel.h"

#include <algorithm>
#include <cstddef>

#include "gramless/codegen/cuda/kernel_frame.h"
#include "gramless/codegen/cuda/simplify_code.h"

namespace gramless {
namespace {

constexpr int kThreads = 128;
constexpr int64_t kMostAddBlocks = 4096;
/// Terms that are loaded before they are added: one by one, each would wait for
/// memory.
constexpr int64_t kAtOnce = 16;

class AddKernel : KernelFrame {
 public:
  explicit AddKernel(GeneratedModule& generated)
      : KernelFrame(generated, {kAddKernel, sizeof(AddParameters), kThreads}),
        wide_(ir_.getDoubleTy()) {}

  void emit() {
    llvm::Value* first =
        ir_.CreateAdd(ir_.CreateMul(block_x(), number(kThreads)), thread());
    for_each(first, parameter(offsetof(AddParameters, elements)),
             ir_.CreateMul(blocks_x(), number(kThreads)),
             [&](llvm::Value* element) { emit_element(element); });
    ir_.CreateRetVoid();
  }

 private:
  void emit_element(llvm::Value* element) {
    llvm::Value* kept =
        word_behind(parameter_pointer(offsetof(AddParameters, sums)), element);
    llvm::Value* sum = allocate(sizeof(double));
    ir_.CreateStore(llvm::ConstantFP::get(wide_, 0), sum);
    emit_if(is_set(offsetof(AddParameters, has_earlier)),
            [&] { ir_.CreateStore(ir_.CreateLoad(wide_, kept), sum); });
    add_terms(
        word_behind(parameter_pointer(offsetof(AddParameters, terms)), element),
        sum);
    llvm::Value* total = ir_.CreateLoad(wide_, sum);
    llvm::Value* has_later = is_set(offsetof(AddParameters, has_later));
    emit_if(has_later, [&] { ir_.CreateStore(total, kept); });
    emit_if(ir_.CreateNot(has_later), [&] { store(total, element); });
  }

  /// Adds the number at an address to a sum, and those behind it at strides.
  void add_terms(llvm::Value* terms, llvm::Value* sum) {
    llvm::Value* count = parameter(offsetof(AddParameters, term_count));
    llvm::Value* end =
        ir_.CreateSub(count, ir_.CreateURem(count, number(kAtOnce)));
    for_each(number(0), end, number(kAtOnce), [&](llvm::Value* first) {
      add_some(terms, {first, kAtOnce}, sum);
    });
    for_each(end, count, number(1),
             [&](llvm::Value* term) { add_some(terms, {term, 1}, sum); });
  }

  struct Some {
    llvm::Value* first;
    int64_t count;
  };

  void add_some(llvm::Value* terms, const Some& some, llvm::Value* sum) {
    llvm::Value* stride = parameter(offsetof(AddParameters, term_stride));
    Registers loaded;
    for (int64_t k = 0; k < some.count; ++k) {
      llvm::Value* term = ir_.CreateAdd(some.first, number(k));
      llvm::Value* address = word_behind(terms, ir_.CreateMul(term, stride));
      loaded.push_back(ir_.CreateLoad(wide_, address));
    }
    llvm::Value* total = ir_.CreateLoad(wide_, sum);
    for (llvm::Value* term : loaded) total = ir_.CreateFAdd(total, term);
    ir_.CreateStore(total, sum);
  }

  llvm::Value* is_set(std::size_t offset) {
    return ir_.CreateICmpNE(parameter(offset), number(0));
  }

  void store(llvm::Value* total, llvm::Value* element) {
    llvm::Value* columns = parameter(offsetof(AddParameters, columns));
    llvm::Value* rows = parameter(offsetof(AddParameters, rows));
    llvm::Value* line = ir_.CreateUDiv(element, columns);
    const auto behind = [&](llvm::Value* index, std::size_t stride) {
      return ir_.CreateMul(index, parameter(stride));
    };
    llvm::Value* place = ir_.CreateAdd(
        ir_.CreateAdd(behind(ir_.CreateUDiv(line, rows),
                             offsetof(AddParameters, part_stride)),
                      behind(ir_.CreateURem(line, rows),
                             offsetof(AddParameters, row_stride))),
        behind(ir_.CreateURem(element, columns),
               offsetof(AddParameters, column_stride)));
    llvm::Value* result = parameter_pointer(offsetof(AddParameters, result));
    llvm::Value* is_float32 = is_set(offsetof(AddParameters, is_float32));
    llvm::Type* narrow = ir_.getFloatTy();
    emit_if(is_float32, [&] {
      ir_.CreateStore(ir_.CreateFPTrunc(total, narrow),
                      ir_.CreateGEP(narrow, result, place));
    });
    emit_if(ir_.CreateNot(is_float32), [&] {
      ir_.CreateStore(total, ir_.CreateGEP(wide_, result, place));
    });
  }

  llvm::Type* wide_;
};

}  // namespace

KernelLaunch add_launch(int64_t elements) {
  const int64_t blocks = (elements + kThreads - 1) / kThreads;
  return {kAddKernel, std::min(blocks, kMostAddBlocks), 1, kThreads};
}

GeneratedModule generate_add(const Target& target) {
  GeneratedModule generated = make_module(target, "add");
  AddKernel(generated).emit();
  simplify_kernels(generated);
  return generated;
}

}  // namespace gramless
