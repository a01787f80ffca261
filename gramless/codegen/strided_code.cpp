// SPDX-License-Identifier: MIT
// Emits vectors that are next to each other in memory, rows that are, which are
// transposed in registers, gathers and scatters.
#include "gramless/codegen/strided_code.h"

namespace gramless {
namespace {

llvm::Align alignment_of(llvm::Type* number) {
  return llvm::Align(number->getPrimitiveSizeInBits() / 8);
}

/// Returns a function that gathers, one in a module: without an instruction for
/// it, the code is long.
llvm::Function* gather_function(GeneratedModule& generated,
                                llvm::FixedVectorType* type,
                                llvm::Type* addresses) {
  const std::string name =
      "gather" + std::to_string(type->getNumElements()) +
      (type->getElementType()->isFloatTy() ? "_float" : "_double");
  if (llvm::Function* known = generated.module->getFunction(name)) return known;
  llvm::Function* function = add_function(
      generated, name, llvm::FunctionType::get(type, {addresses}, false));
  function->setLinkage(llvm::Function::InternalLinkage);
  function->addFnAttr(llvm::Attribute::NoInline);
  llvm::IRBuilder<> ir(
      llvm::BasicBlock::Create(*generated.context, "entry", function));
  ir.CreateRet(ir.CreateMaskedGather(type, function->getArg(0),
                                     alignment_of(type->getElementType())));
  return function;
}

}  // namespace

int64_t elements_together(int lanes, const Extents& extents,
                          std::span<const Axis> axes) {
  if (lanes == 1) return 1;
  int64_t elements = 1;
  for (const Axis& axis : axes) {
    const auto* extent = llvm::dyn_cast<llvm::ConstantInt>(extents.of(axis));
    if (extent == nullptr) return 1;
    elements *= extent->getSExtValue();
  }
  return elements <= kElementsTogether ? std::max<int64_t>(elements, 1) : 1;
}

RowVectors::RowVectors(GeneratedModule& generated, llvm::IRBuilder<>& ir,
                       const RowLayout& layout)
    : generated_(generated), ir_(ir), layout_(layout) {
  const int lanes = layout.lanes;
  if (lanes == 1) return;
  ahead_ = ir.CreateMul(ir.CreateMul(layout.count, layout.row_stride),
                        ir.getInt64(kGroupsAhead));
  llvm::SmallVector<llvm::Constant*, 16> indices;
  for (int lane = 0; lane < lanes; ++lane) {
    indices.push_back(ir.getInt64(static_cast<uint64_t>(lane)));
  }
  llvm::Value* index = llvm::ConstantVector::get(indices);
  const auto splat = [&](llvm::Value* number) {
    return ir.CreateVectorSplat(static_cast<unsigned>(lanes), number);
  };
  llvm::Value* last = ir.CreateSub(layout.count, ir.getInt64(1));
  llvm::Value* length = ir.getInt64(static_cast<uint64_t>(lanes));
  llvm::Value* in_rest = ir.CreateURem(last, length);
  llvm::Value* rows_of_rest =
      ir.CreateBinaryIntrinsic(llvm::Intrinsic::smin, index, splat(in_rest));
  first_of_rest_ = ir.CreateSub(last, in_rest);
  offsets_ = ir.CreateMul(index, splat(layout.row_stride));
  offsets_of_rest_ = ir.CreateMul(rows_of_rest, splat(layout.row_stride));
  llvm::Value* end =
      ir.CreateSub(last, ir.getInt64(static_cast<uint64_t>(lanes - 2)));
  const auto end_if = [&](llvm::Value* condition) {
    return ir.CreateSelect(condition, end, ir.getInt64(0));
  };
  const auto is = [&](llvm::Value* stride, int64_t number) {
    return ir.CreateICmpEQ(stride, ir.getInt64(static_cast<uint64_t>(number)));
  };
  end_of_rows_ = end_if(is(layout.row_stride, 1));
  if (layout.elements == 1) return;
  end_of_elements_ = end_if(ir.CreateAnd(is(layout.row_stride, layout.elements),
                                         is(layout.element_stride, 1)));
}

Registers RowVectors::choose(llvm::Value* row, const Ways& ways) {
  llvm::LLVMContext& context = ir_.getContext();
  llvm::Function* function = ir_.GetInsertBlock()->getParent();
  const auto block = [&](const char* name) {
    return llvm::BasicBlock::Create(context, name, function);
  };
  llvm::BasicBlock* behind = block("behind");
  std::vector<std::pair<llvm::BasicBlock*, Registers>> results;
  const auto emit = [&](const std::function<Registers()>& way) {
    const Registers result = way();
    results.emplace_back(ir_.GetInsertBlock(), result);
    ir_.CreateBr(behind);
  };
  const auto emit_below = [&](llvm::Value* end,
                              const std::function<Registers()>& way) {
    llvm::BasicBlock* inside = block("next");
    llvm::BasicBlock* others = block("apart");
    ir_.CreateCondBr(ir_.CreateICmpSLT(row, end), inside, others);
    ir_.SetInsertPoint(inside);
    emit(way);
    ir_.SetInsertPoint(others);
  };
  emit_below(end_of_rows_, ways.rows);
  if (layout_.elements > 1) emit_below(end_of_elements_, ways.elements);
  emit(ways.any);
  ir_.SetInsertPoint(behind);
  Registers chosen;
  for (std::size_t k = 0; k < results[0].second.size(); ++k) {
    llvm::PHINode* phi = ir_.CreatePHI(results[0].second[k]->getType(),
                                       static_cast<unsigned>(results.size()));
    for (const auto& [from, result] : results) {
      phi->addIncoming(result[k], from);
    }
    chosen.push_back(phi);
  }
  return chosen;
}

llvm::Value* RowVectors::load_next(llvm::FixedVectorType* type,
                                   llvm::Value* data) {
  llvm::Type* number = type->getElementType();
  llvm::Value* later = ir_.CreateGEP(number, data, ahead_);
  constexpr int kRead = 0;
  constexpr int kKeep = 3;
  constexpr int kData = 1;
  ir_.CreateIntrinsic(
      llvm::Intrinsic::prefetch, {later->getType()},
      {later, ir_.getInt32(kRead), ir_.getInt32(kKeep), ir_.getInt32(kData)});
  return ir_.CreateAlignedLoad(type, data, alignment_of(number));
}

llvm::Value* RowVectors::element_at(llvm::Type* number, llvm::Value* data,
                                    int64_t index) {
  if (index == 0) return data;
  return ir_.CreateGEP(
      number, data,
      ir_.CreateMul(layout_.element_stride,
                    ir_.getInt64(static_cast<uint64_t>(index))));
}

llvm::Value* RowVectors::addresses(llvm::Type* number, llvm::Value* data,
                                   llvm::Value* row) {
  llvm::Value* offsets = ir_.CreateSelect(ir_.CreateICmpEQ(row, first_of_rest_),
                                          offsets_of_rest_, offsets_);
  return ir_.CreateGEP(number, data, offsets);
}

llvm::Value* RowVectors::gather(llvm::FixedVectorType* type,
                                llvm::Value* addresses) {
  if (generated_.target.vector_bytes == 64) {
    return ir_.CreateMaskedGather(type, addresses,
                                  alignment_of(type->getElementType()));
  }
  return ir_.CreateCall(gather_function(generated_, type, addresses->getType()),
                        {addresses});
}

Registers RowVectors::shuffled(
    const Registers& vectors,
    const std::function<int64_t(int64_t, int64_t)>& from) {
  Registers results;
  for (int64_t k = 0; k < layout_.elements; ++k) {
    llvm::Value* result = vectors[0];
    for (int64_t other = 1; other < layout_.elements; ++other) {
      llvm::SmallVector<int, 16> lanes;
      for (int64_t lane = 0; lane < layout_.lanes; ++lane) {
        const int64_t place = from(k, lane);
        const int64_t vector = place / layout_.lanes;
        const int64_t in_vector = place % layout_.lanes;
        // The first shuffle moves numbers of the first vector, too.
        const int64_t old = other == 1 && vector == 0 ? in_vector : lane;
        lanes.push_back(static_cast<int>(vector == other
                                             ? layout_.lanes + in_vector
                                         : vector < other ? old
                                                          : -1));
      }
      result = ir_.CreateShuffleVector(
          result, vectors[static_cast<std::size_t>(other)], lanes);
    }
    results.push_back(result);
  }
  return results;
}

Registers RowVectors::load(llvm::Type* number, llvm::Value* data,
                           llvm::Value* row) {
  if (layout_.lanes == 1) return {ir_.CreateLoad(number, data)};
  auto* type =
      llvm::FixedVectorType::get(number, static_cast<unsigned>(layout_.lanes));
  const auto each = [&](const auto& load) {
    Registers results;
    for (int64_t k = 0; k < layout_.elements; ++k) results.push_back(load(k));
    return results;
  };
  return choose(
      row, {.rows =
                [&] {
                  return each([&](int64_t k) {
                    return load_next(type, element_at(number, data, k));
                  });
                },
            .elements =
                [&] {
                  const Registers vectors = each([&](int64_t k) {
                    return load_next(
                        type, ir_.CreateConstGEP1_64(type, data,
                                                     static_cast<uint64_t>(k)));
                  });
                  return shuffled(vectors, [&](int64_t k, int64_t lane) {
                    return lane * layout_.elements + k;
                  });
                },
            .any =
                [&] {
                  return each([&](int64_t k) {
                    return gather(
                        type,
                        addresses(number, element_at(number, data, k), row));
                  });
                }});
}

void RowVectors::store(const Registers& elements, llvm::Value* data,
                       llvm::Value* row) {
  if (layout_.lanes == 1) {
    ir_.CreateStore(elements[0], data);
    return;
  }
  llvm::Type* number = elements[0]->getType()->getScalarType();
  const auto each = [&](const auto& store) {
    for (int64_t k = 0; k < layout_.elements; ++k) {
      store(elements[static_cast<std::size_t>(k)], k);
    }
    return Registers();
  };
  choose(row,
         {.rows =
              [&] {
                return each([&](llvm::Value* element, int64_t k) {
                  ir_.CreateAlignedStore(element, element_at(number, data, k),
                                         alignment_of(number));
                });
              },
          .elements =
              [&] {
                const Registers vectors =
                    shuffled(elements, [&](int64_t k, int64_t lane) {
                      const int64_t place = k * layout_.lanes + lane;
                      return place % layout_.elements * layout_.lanes +
                             place / layout_.elements;
                    });
                for (std::size_t k = 0; k < vectors.size(); ++k) {
                  ir_.CreateAlignedStore(
                      vectors[k],
                      ir_.CreateConstGEP1_64(vectors[k]->getType(), data, k),
                      alignment_of(number));
                }
                return Registers();
              },
          .any =
              [&] {
                return each([&](llvm::Value* element, int64_t k) {
                  ir_.CreateMaskedScatter(
                      element,
                      addresses(number, element_at(number, data, k), row),
                      alignment_of(number));
                });
              }});
}

}  // namespace gramless
