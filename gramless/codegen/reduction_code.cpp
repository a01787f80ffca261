// SPDX-License-Identifier: MIT
// Holds the code of each row of the table of reductions.
#include "gramless/codegen/reduction_code.h"

#include <array>
#include <limits>

#include "gramless/error.h"

namespace gramless {

ReductionCode::ReductionCode(llvm::IRBuilder<>& ir, VectorMath& math,
                             TileMemory& memory, const Config& config)
    : ir_(ir),
      math_(math),
      memory_(memory),
      shape_(config.shape),
      type_(memory.register_of(memory.number())),
      wide_(memory.register_of(ir.getDoubleTy())),
      state_(config.target.is_cuda ? type_ : wide_),
      has_errors_(state_ == type_) {}

const ReductionCode::Routine& ReductionCode::routine_of(Reduction reduction) {
  using Code = ReductionCode;
  static constexpr std::array kRoutines = {
      Routine{Reduction::sum, &Code::zero, &Code::add_to_sum,
              &Code::combine_sums, &Code::merge_sums, &Code::settled_sum},
      Routine{Reduction::log_sum_exp, &Code::zero, &Code::add_to_sum,
              &Code::combine_scaled, &Code::merge_scaled,
              &Code::settled_scaled},
      Routine{Reduction::max, &Code::no_extreme<1>, &Code::keep_extreme<1>,
              &Code::combine_extremes<1>, &Code::merge_extremes<1>,
              &Code::settled_extreme},
      Routine{Reduction::min, &Code::no_extreme<-1>, &Code::keep_extreme<-1>,
              &Code::combine_extremes<-1>, &Code::merge_extremes<-1>,
              &Code::settled_extreme},
  };
  for (const Routine& routine : kRoutines) {
    if (routine.reduction == reduction) return routine;
  }
  throw InternalError("routine_of(): no code for this reduction.");
}

Registers ReductionCode::identity(Reduction reduction) {
  return (this->*routine_of(reduction).identity)();
}

Registers ReductionCode::add(Reduction reduction, const Registers& block,
                             const ReducedTerm& term) {
  return (this->*routine_of(reduction).add)(block, term);
}

void ReductionCode::combine(Reduction reduction, const Registers& block,
                            llvm::Value* first, const WordAddress& address) {
  (this->*routine_of(reduction).combine)(block, first, address);
}

void ReductionCode::merge(Reduction reduction, const WordAddress& later,
                          const WordAddress& address) {
  (this->*routine_of(reduction).merge)(later, address);
}

Registers ReductionCode::settled(Reduction reduction,
                                 const WordAddress& address) {
  return (this->*routine_of(reduction).settled)(address);
}

Registers ReductionCode::zero() {
  return {llvm::Constant::getNullValue(type_)};
}

Registers ReductionCode::add_to_sum(const Registers& block,
                                    const ReducedTerm& term) {
  if (term.second == nullptr) return {ir_.CreateFAdd(block[0], term.first)};
  return {math_.fma(term.first, term.second, block[0])};
}

void ReductionCode::combine_sums(const Registers& block, llvm::Value* /*first*/,
                                 const WordAddress& address) {
  add_to_total({widened(block[0]), nullptr}, nullptr, address);
}

void ReductionCode::merge_sums(const WordAddress& later,
                               const WordAddress& address) {
  add_to_total(load_addend(later), nullptr, address);
}

ReductionCode::Addend ReductionCode::load_addend(const WordAddress& address) {
  return {load(address(0)), has_errors_ ? load(address(1)) : nullptr};
}

/// Brings the earlier blocks to the scale of this one, which loses nothing: the
/// factor is a power of two.
void ReductionCode::combine_scaled(const Registers& block,
                                   llvm::Value* /*first*/,
                                   const WordAddress& address) {
  llvm::Value* scale = widened(block[1]);
  llvm::Value* before = load(address(kScaleWord));
  llvm::Value* factor = rescaling(before, scale);
  memory_.store(scale, address(kScaleWord));
  add_to_total({widened(block[0]), nullptr}, factor, address);
}

llvm::Value* ReductionCode::rescaling(llvm::Value* scale, llvm::Value* common) {
  llvm::Value* factor =
      math_.falling_power_of_four(ir_.CreateFSub(scale, common));
  // Of two scales of nothing, the difference is NaN.
  llvm::Value* is_same = ir_.CreateFCmpOEQ(scale, common);
  return ir_.CreateSelect(is_same, llvm::ConstantFP::get(state_, 1), factor);
}

void ReductionCode::merge_scaled(const WordAddress& later,
                                 const WordAddress& address) {
  llvm::Value* before = load(address(kScaleWord));
  llvm::Value* after = load(later(kScaleWord));
  llvm::Value* scale =
      ir_.CreateSelect(ir_.CreateFCmpOGT(after, before), after, before);
  Addend addend = load_addend(later);
  llvm::Value* factor = rescaling(after, scale);
  addend.term = ir_.CreateFMul(addend.term, factor);
  if (addend.error != nullptr) {
    addend.error = ir_.CreateFMul(addend.error, factor);
  }
  memory_.store(scale, address(kScaleWord));
  add_to_total(addend, rescaling(before, scale), address);
}

/// In a wider format the sum is exact enough; otherwise what its rounding loses
/// is added up.
void ReductionCode::add_to_total(Addend addend, llvm::Value* factor,
                                 const WordAddress& address) {
  llvm::Value* term = addend.term;
  llvm::Value* before = load(address(0));
  if (factor != nullptr) before = ir_.CreateFMul(before, factor);
  llvm::Value* sum = ir_.CreateFAdd(before, term);
  memory_.store(sum, address(0));
  if (!has_errors_) return;
  llvm::Value* rounded = ir_.CreateFSub(sum, before);
  llvm::Value* lost_before =
      ir_.CreateFSub(before, ir_.CreateFSub(sum, rounded));
  llvm::Value* lost_term = ir_.CreateFSub(term, rounded);
  llvm::Value* error = ir_.CreateFAdd(lost_before, lost_term);
  if (addend.error != nullptr) error = ir_.CreateFAdd(error, addend.error);
  llvm::Value* errors = load(address(1));
  if (factor != nullptr) errors = ir_.CreateFMul(errors, factor);
  memory_.store(ir_.CreateFAdd(errors, error), address(1));
}

llvm::Value* ReductionCode::is_finite(llvm::Value* number) {
  return ir_.CreateFCmpOLT(
      ir_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, number),
      llvm::ConstantFP::getInfinity(number->getType()));
}

/// In a wider format nothing is in the word of errors. Those of an infinite sum
/// are NaN, which says nothing.
Registers ReductionCode::settled_sum(const WordAddress& address) {
  llvm::Value* sum = load_wide(address(0));
  llvm::Value* error = load_wide(address(1));
  if (!has_errors_) return {sum, error};
  llvm::Value* exact = ir_.CreateFAdd(sum, error);
  return {ir_.CreateSelect(is_finite(sum), exact, sum), error};
}

/// Nothing, and what is no number, has the scale 0.
Registers ReductionCode::settled_scaled(const WordAddress& address) {
  Registers words = settled_sum(address);
  llvm::Value* scale = load_wide(address(kScaleWord));
  llvm::Value* has_scale = ir_.CreateAnd(is_finite(words[0]), is_finite(scale));
  words.push_back(
      ir_.CreateSelect(has_scale, scale, llvm::Constant::getNullValue(wide_)));
  return words;
}

Registers ReductionCode::settled_extreme(const WordAddress& address) {
  llvm::Value* index = load_index(address(1));
  return {load_wide(address(0)), ir_.CreateSIToFP(index, wide_)};
}

template <int sign>
Registers ReductionCode::no_extreme() {
  llvm::Value* none = llvm::ConstantInt::getSigned(index_type(), kNoIndex);
  return {llvm::ConstantFP::getInfinity(type_, sign > 0),
          ir_.CreateBitCast(none, type_)};
}

llvm::Value* ReductionCode::replaces(int sign, llvm::Value* later,
                                     llvm::Value* earlier,
                                     llvm::Value* earlier_index) {
  llvm::Value* is_better = sign > 0 ? ir_.CreateFCmpOGT(later, earlier)
                                    : ir_.CreateFCmpOLT(later, earlier);
  llvm::Value* is_first_nan = ir_.CreateAnd(
      ir_.CreateFCmpUNO(later, later), ir_.CreateFCmpORD(earlier, earlier));
  llvm::Value* is_first = ir_.CreateICmpSLT(
      earlier_index, llvm::Constant::getNullValue(earlier_index->getType()));
  return ir_.CreateOr(ir_.CreateOr(is_better, is_first_nan), is_first);
}

template <int sign>
Registers ReductionCode::keep_extreme(const Registers& block,
                                      const ReducedTerm& term) {
  llvm::Value* value = term.second == nullptr
                           ? term.first
                           : ir_.CreateFMul(term.first, term.second);
  llvm::Value* index = ir_.CreateBitCast(block[1], index_type());
  llvm::Value* is_new = replaces(sign, value, block[0], index);
  return {
      ir_.CreateSelect(is_new, value, block[0]),
      ir_.CreateBitCast(ir_.CreateSelect(is_new, term.position, index), type_)};
}

/// Within one lane, later blocks have higher indices: ties keep the earlier
/// one.
template <int sign>
void ReductionCode::combine_extremes(const Registers& block, llvm::Value* first,
                                     const WordAddress& address) {
  llvm::Type* wide_index = memory_.register_of(ir_.getInt64Ty());
  llvm::Value* later = widened(block[0]);
  llvm::Value* offset =
      ir_.CreateSExt(ir_.CreateBitCast(block[1], index_type()), wide_index);
  llvm::Value* is_some = ir_.CreateICmpSGE(
      offset, llvm::Constant::getNullValue(offset->getType()));
  llvm::Value* index = ir_.CreateAdd(offset, memory_.splat(first));
  keep_better(sign, {later, index, is_some}, address);
}

template <int sign>
void ReductionCode::merge_extremes(const WordAddress& later,
                                   const WordAddress& address) {
  llvm::Value* index = load_index(later(1));
  llvm::Value* is_some =
      ir_.CreateICmpSGE(index, llvm::Constant::getNullValue(index->getType()));
  keep_better(sign, {load(later(0)), index, is_some}, address);
}

void ReductionCode::keep_better(int sign, const Extreme& later,
                                const WordAddress& address) {
  llvm::Value* earlier = load(address(0));
  llvm::Value* earlier_index = load_index(address(1));
  llvm::Value* is_new = ir_.CreateAnd(
      later.is_some, replaces(sign, later.value, earlier, earlier_index));
  memory_.store(ir_.CreateSelect(is_new, later.value, earlier), address(0));
  memory_.store(ir_.CreateSelect(is_new, later.index, earlier_index),
                address(1));
}

bool ReductionCode::is_index(Reduction reduction, std::size_t word) {
  return row_of(reduction).has_index && word == 1;
}

void ReductionCode::clear(Reduction reduction, const WordAddress& address) {
  const std::span<const StateWord> words = row_of(reduction).words;
  for (std::size_t word = 0; word < words.size(); ++word) {
    const double identity = words[word].identity;
    llvm::Constant* value =
        is_index(reduction, word)
            ? llvm::ConstantInt::getSigned(
                  memory_.register_of(ir_.getInt64Ty()), index_of(identity))
            : llvm::ConstantFP::get(state_, identity);
    memory_.store(value, address(word));
  }
}

void ReductionCode::copy(Reduction reduction, const WordAddress& from,
                         const WordAddress& to) {
  for (std::size_t word = 0; word < row_of(reduction).words.size(); ++word) {
    memory_.store(
        is_index(reduction, word) ? load_index(from(word)) : load(from(word)),
        to(word));
  }
}

llvm::Value* ReductionCode::scale_of(const WordAddress& address) {
  llvm::Value* scale = load(address(kScaleWord));
  return state_ == type_ ? scale : ir_.CreateFPTrunc(scale, type_);
}

llvm::Value* ReductionCode::widened(llvm::Value* number) {
  return state_ == type_ ? number : ir_.CreateFPExt(number, state_);
}

llvm::Value* ReductionCode::load(llvm::Value* address) {
  return memory_.load(state_, address);
}

llvm::Value* ReductionCode::load_wide(llvm::Value* address) {
  llvm::Value* number = load(address);
  return state_ == wide_ ? number : ir_.CreateFPExt(number, wide_);
}

llvm::Value* ReductionCode::load_index(llvm::Value* address) {
  return memory_.load(memory_.register_of(ir_.getInt64Ty()), address);
}

llvm::Type* ReductionCode::index_type() const {
  const unsigned bits = shape_.dtype == DType::float32 ? 32 : 64;
  return memory_.register_of(ir_.getIntNTy(bits));
}

}  // namespace gramless
