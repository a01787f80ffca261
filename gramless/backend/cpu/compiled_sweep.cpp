// SPDX-License-Identifier: MIT
// Compiles sweeps and keeps the most recently used ones.
#include "gramless/backend/cpu/compiled_sweep.h"

#include "gramless/base/bounded_table.h"
#include "gramless/base/fork_lock.h"
#include "gramless/codegen/module.h"

namespace gramless::cpu {
namespace {

/// Compiled sweeps kept: each takes some 100 kB.
constexpr std::size_t kCapacity = 256;

using Table = BoundedTable<CompiledSweep>;

constinit std::atomic<Table*> the_table = nullptr;

Table& table() {
  return made_once(the_table,
                   [] { return Table(kCapacity, fork_lock(ForkLock::table)); });
}

}  // namespace

CompiledSweep::CompiledSweep(GeneratedModule generated, const Program& program,
                             const TileShape& shape)
    : executable(std::move(generated)),
      pack_call(executable.function<PackFunction>(kPackCall)),
      pack_kept(executable.function<PackFunction>(kPackKept)),
      pack_reduced(executable.function<PackFunction>(kPackReduced)),
      tile(executable.function<TileFunction>(kTile)) {
  if (shape.lanes_along_kept) {
    store = executable.function<StoreFunction>(kStore);
  }
  if (has_sums_over_rows(program)) {
    rest_tile = executable.function<TileFunction>(kRestTile);
  }
  if (has_crossed_outputs(program)) {
    add_crossed = executable.function<CrossedFunction>(kAddCrossed);
  }
}

std::shared_ptr<const CompiledSweep> compiled_sweep(const Program& program,
                                                    const TileShape& shape,
                                                    const Target& target) {
  const std::string key = code_key(program, shape) + target.features;
  Table& sweeps = table();
  if (const auto found = sweeps.find(key)) return found;
  // If several threads need the same sweep, the first one compiles it.
  const std::scoped_lock lock(fork_lock(ForkLock::first_use));
  return sweeps.get(key, [&] {
    return std::make_shared<const CompiledSweep>(
        generate_sweep(program, shape, target), program, shape);
  });
}

std::size_t compiled_sweeps() { return table().size(); }

}  // namespace gramless::cpu
