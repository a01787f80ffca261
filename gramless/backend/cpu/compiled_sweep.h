// SPDX-License-Identifier: MIT
// The compiled functions of a sweep, from the table of executables.
#pragma once

#include <memory>

#include "gramless/backend/cpu/executable.h"
#include "gramless/codegen/sweep_code.h"

namespace gramless::cpu {

struct CompiledSweep {
  CompiledSweep(GeneratedModule generated, const Program& program,
                const TileShape& shape);

  Executable executable;
  PackFunction* pack_call;
  PackFunction* pack_kept;
  PackFunction* pack_reduced;
  TileFunction* tile;
  /// Null where lanes run along the reduced axis.
  StoreFunction* store = nullptr;
  /// Null where no output sums over the rows.
  TileFunction* rest_tile = nullptr;
  /// Null where no output is crossed.
  CrossedFunction* add_crossed = nullptr;
};

/// Returns the compiled sweep of a program, from the table if it is there. One
/// thread compiles at a time; a fork waits for it.
std::shared_ptr<const CompiledSweep> compiled_sweep(const Program& program,
                                                    const TileShape& shape,
                                                    const Target& target);

/// Returns the number of sweeps in the table.
std::size_t compiled_sweeps();

}  // namespace gramless::cpu
