// SPDX-License-Identifier: MIT
// Plans and compiles programs, and remembers what it did for the last call.
#include "gramless/backend/cpu/executable.h"
#include "gramless/backend/cpu/ready_sweep.h"
#include "gramless/base/fork_lock.h"
#include "gramless/base/text.h"
#include "gramless/codegen/cost.h"
#include "gramless/codegen/module.h"

namespace gramless::cpu {

ReadySweep::ReadySweep(const Program& source, Sizes for_sizes, DType for_dtype,
                       const ForcedChoices& choices)
    : program(source),
      sizes(for_sizes),
      dtype(for_dtype),
      forced(choices),
      call_elements(packed_elements(source, Rate::call)),
      kept_elements(packed_elements(source, kept_rate(source))),
      reduced_elements(packed_elements(source, reduced_rate(source))),
      kept_width(gramless::kept_width(source)),
      shared_width(gramless::shared_width(source)),
      crossed_width(gramless::crossed_width(source)),
      words(state_words(source)) {
  const Target target = host_target(forced.most);
  const Plan plan = make_plan(program, sweep_sizes(program, sizes), dtype,
                              target.vector_bytes, forced.plan);
  shape = plan.tile;
  schedule = plan.schedule;
  code = compiled_sweep(program, shape, target);
  block_numbers = gramless::block_numbers(program, shape);
  scratch_numbers = gramless::scratch_numbers(program, shape);
  for (const auto& [name, extent] : long_axes(program, shape)) {
    extents.push_back(extent);
  }
}

bool ReadySweep::is_for(Sizes others, DType other_dtype,
                        const ForcedChoices& choices) const {
  return sizes == others && dtype == other_dtype && forced == choices;
}

PreparedProgram::PreparedProgram(SweepWays ways) : ways_(std::move(ways)) {}

const Program& PreparedProgram::program(Sizes sizes) const {
  return choose_way(ways_, sizes.M, sizes.N);
}

std::shared_ptr<const ReadySweep> PreparedProgram::ready_for(
    Sizes sizes, DType dtype, const ForcedChoices& forced) const {
  {
    const std::scoped_lock lock(fork_lock(ForkLock::table));
    if (last_ && last_->is_for(sizes, dtype, forced)) return last_;
  }
  auto ready =
      std::make_shared<const ReadySweep>(program(sizes), sizes, dtype, forced);
  const std::scoped_lock lock(fork_lock(ForkLock::table));
  last_.swap(ready);
  return last_;
}

void PreparedProgram::run(Sizes sizes, std::span<const ArrayView> arguments,
                          std::span<const MutableArrayView> results,
                          const RunOptions& options) const {
  const DType dtype = find_dtype(ways_.front().arguments, arguments);
  const auto ready = ready_for(sizes, dtype, options.forced);
  run_sweep(*ready, arguments, results, options);
}

std::string PreparedProgram::explain(Sizes sizes, DType dtype, CodeText code,
                                     const ForcedChoices& forced) const {
  const Program& program = this->program(sizes);
  const Target target =
      forced.is_aarch64 ? aarch64_target() : host_target(forced.most);
  const Plan plan =
      make_plan(program, sweep_sizes(program, sizes), dtype,
                target.vector_bytes, forced.plan, /*has_reasons=*/true);
  // All use of LLVM waits for forks.
  const std::scoped_lock lock(fork_lock(ForkLock::first_use));
  std::string text = concat(to_text(program), "\n", to_text(plan),
                            "  instructions: ", isa_name(target.isa), " of ",
                            target.triple, "; arithmetic takes ",
                            pair_instructions(program, plan.tile, target),
                            " for a vector of pairs\n");
  if (code == CodeText::none) return text;
  const GeneratedModule generated = generate_sweep(program, plan.tile, target);
  const bool is_llvm = code == CodeText::llvm;
  text += concat("\n", is_llvm ? "LLVM code\n" : "assembly\n",
                 is_llvm ? to_text(generated) : assembly(generated));
  return text;
}

void run(const Program& program, Sizes sizes,
         std::span<const ArrayView> arguments,
         std::span<const MutableArrayView> results, const RunOptions& options) {
  PreparedProgram({program}).run(sizes, arguments, results, options);
}

}  // namespace gramless::cpu
