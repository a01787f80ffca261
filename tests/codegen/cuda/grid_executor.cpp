// SPDX-License-Identifier: MIT
// Plans what executors run.
#include "codegen/cuda/grid_executor.h"

#include "gramless/base/check_array.h"

namespace gramless::testing {

GridChoices small_grid() {
  return {.device = {1}, .overrides = {.threads = 4}};
}

GridChoices few_blocks() {
  return {.device = {1},
          .overrides = {.threads = 2,
                        .blocks = 3,
                        .is_own_in_workspace = true,
                        .is_panel_in_workspace = true}};
}

GridChoices with_forced(GridChoices choices, const ForcedChoices& forced) {
  choices.overrides.tile = forced.plan;
  choices.overrides.tile.lanes.reset();
  choices.overrides.tile.lanes_along_kept.reset();
  return choices;
}

void GridExecutor::run(const Program& program, Sizes sizes, const Batch& batch,
                       const GridChoices& choices) {
  std::vector<ArrayView> arguments;
  for (const auto& array : batch.arguments) arguments.push_back(array.first());
  const GridPlan plan = make_grid_plan(program, sweep_sizes(program, sizes),
                                       find_dtype(program.arguments, arguments),
                                       choices.device, choices.overrides);
  launches_ += run_launches(program, plan, batch, choices.limits);
  ++sweeps_;
}

RunSweep run_by(GridExecutor& executor, const GridChoices& choices) {
  return [&executor, choices](const Program& program, Sizes sizes,
                              std::span<const ArrayView> arguments,
                              std::span<const MutableArrayView> results) {
    executor.run(program, sizes, batch_of_one(arguments, results), choices);
  };
}

}  // namespace gramless::testing
