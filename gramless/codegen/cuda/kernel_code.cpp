// SPDX-License-Identifier: MIT
// Implements what all kernels have.
#include "gramless/codegen/cuda/kernel_code.h"

#include <cstddef>

namespace gramless {

static_assert(sizeof(ArrayPointer) == sizeof(ResultPointer));

ParameterLayout parameter_layout(const Program& program, const GridPlan& plan) {
  const std::size_t arguments = program.arguments.size();
  const std::size_t results = program.results.size();
  ParameterLayout layout{.arguments = sizeof(GridParameters)};
  layout.results = layout.arguments + arguments * sizeof(ArrayPointer);
  layout.problem_strides = layout.results + results * sizeof(ResultPointer);
  layout.extents =
      layout.problem_strides + (arguments + results) * sizeof(int64_t);
  layout.bytes =
      layout.extents + long_axes(program, plan.tile).size() * sizeof(int64_t);
  return layout;
}

KernelCode::KernelCode(GeneratedModule& generated, const Program& program,
                       const GridPlan& plan, const char* name)
    : KernelFrame(generated, {name, parameter_layout(program, plan).bytes,
                              plan.threads, plan.resident_blocks}),
      program_(program),
      plan_(plan),
      math_(ir_, generated.target),
      memory_(ir_, plan.tile),
      reductions_(ir_, math_, memory_, {plan.tile, generated.target}),
      problem_(block_z()) {}

llvm::Value* KernelCode::workspace_at(std::size_t offset) {
  llvm::Value* before = ir_.CreateMul(
      problem_, parameter(offsetof(GridParameters, layout.bytes)));
  llvm::Value* workspace =
      parameter_pointer(offsetof(GridParameters, workspace));
  return bytes_behind(bytes_behind(workspace, before), parameter(offset));
}

llvm::Value* KernelCode::own_arrays(std::size_t pointers, std::size_t strides,
                                    std::size_t count) {
  llvm::Value* own =
      allocate(static_cast<int64_t>(count * sizeof(ArrayPointer)));
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t at = k * sizeof(ArrayPointer);
    const std::size_t data = at + offsetof(ArrayPointer, data);
    llvm::Value* before =
        ir_.CreateMul(problem_, parameter(strides + k * sizeof(int64_t)));
    set_field(own, data,
              bytes_behind(parameter_pointer(pointers + data), before));
    for (const std::size_t field : {offsetof(ArrayPointer, row_stride),
                                    offsetof(ArrayPointer, element_stride)}) {
      set_field(own, at + field, parameter(pointers + at + field));
    }
  }
  return own;
}

llvm::Value* KernelCode::arguments() {
  const ParameterLayout layout = parameter_layout(program_, plan_);
  return own_arrays(layout.arguments, layout.problem_strides,
                    program_.arguments.size());
}

llvm::Value* KernelCode::results() {
  const ParameterLayout layout = parameter_layout(program_, plan_);
  return own_arrays(
      layout.results,
      layout.problem_strides + program_.arguments.size() * sizeof(int64_t),
      program_.results.size());
}

llvm::Value* KernelCode::extents() {
  return parameter_at(parameter_layout(program_, plan_).extents);
}

WordAddress KernelCode::state_of(llvm::Value* thread) {
  llvm::Value* first =
      word_behind(shared_at(plan_.shared_call_bytes()),
                  ir_.CreateMul(thread, number(int64_t{kMostWords})));
  return [this, first](std::size_t word) {
    return word_behind(first, ir_.getInt64(word));
  };
}

/// They are stored by word, element and block.
WordAddress KernelCode::partial_sum(llvm::Value* element, llvm::Value* block) {
  llvm::Value* sums = workspace_at(offsetof(GridParameters, layout.sums));
  llvm::Value* places = parameter(offsetof(GridParameters, partial_places));
  llvm::Value* index = ir_.CreateAdd(ir_.CreateMul(element, places), block);
  llvm::Value* plane = ir_.CreateMul(places, number(shared_width(program_)));
  return [=, this](std::size_t word) {
    llvm::Value* behind = ir_.CreateMul(plane, ir_.getInt64(word));
    return word_behind(sums, ir_.CreateAdd(index, behind));
  };
}

void KernelCode::merge_threads(Reduction reduction, const WordAddress& own) {
  llvm::Value* thread = this->thread();
  synchronize();
  reductions_.copy(reduction, own, state_of(thread));
  synchronize();
  for (int64_t step = 1; step < plan_.threads; step *= 2) {
    llvm::Value* behind = ir_.CreateAnd(thread, number(2 * step - 1));
    emit_if(ir_.CreateICmpEQ(behind, number(0)), [&] {
      reductions_.merge(reduction,
                        state_of(ir_.CreateAdd(thread, number(step))),
                        state_of(thread));
    });
    synchronize();
  }
}

void KernelCode::for_each_element(
    Kept kept, const std::function<void(const ProgramOutput& output,
                                        llvm::Value* element)>& body) {
  int64_t first = 0;
  for (const ProgramOutput& output : program_.outputs) {
    if (output.kept != kept) continue;
    const int64_t width = program_.results[output.output].width();
    for_each(number(first), number(first + width), number(1),
             [&](llvm::Value* element) { body(output, element); });
    first += width;
  }
}

}  // namespace gramless
