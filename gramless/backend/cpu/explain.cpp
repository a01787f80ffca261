// SPDX-License-Identifier: MIT
// Prints the plan and the code of a program on the CPU.
#include "gramless/backend/backend.h"
#include "gramless/backend/cpu/executable.h"
#include "gramless/base/fork_lock.h"
#include "gramless/base/text.h"
#include "gramless/codegen/module.h"
#include "gramless/codegen/sweep_code.h"

namespace gramless::cpu {

std::string explain(const Program& program, Sizes sizes, DType dtype,
                    CodeText code, const RunOptions& options) {
  const Target target = host_target(options.forced.most);
  const bool keeps_rows = program.kept == Kept::rows;
  const Plan plan = make_plan(
      program, {keeps_rows ? sizes.M : sizes.N, keeps_rows ? sizes.N : sizes.M},
      dtype, target.vector_bytes, options.forced.plan, /*has_reasons=*/true);
  std::string text =
      concat(to_text(plan), "  instructions: ", isa_name(target.isa), " of ",
             target.triple, "\n");
  if (code == CodeText::none) return text;
  const std::scoped_lock lock(fork_lock(ForkLock::first_use));
  const GeneratedModule generated = generate_sweep(program, plan.tile, target);
  const bool is_llvm = code == CodeText::llvm;
  text += concat("\n", is_llvm ? "LLVM code\n" : "assembly\n",
                 is_llvm ? to_text(generated) : assembly(generated));
  return text;
}

}  // namespace gramless::cpu
