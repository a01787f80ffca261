// SPDX-License-Identifier: MIT
// Generates a sweep's functions.
#include "gramless/codegen/sweep_code.h"

#include "gramless/codegen/crossed_code.h"
#include "gramless/codegen/module.h"
#include "gramless/codegen/pack_code.h"
#include "gramless/codegen/store_code.h"
#include "gramless/codegen/tile_code.h"

namespace gramless {

GeneratedModule generate_sweep(const Program& program, const TileShape& shape,
                               const Target& target) {
  GeneratedModule generated = make_module(target, "sweep");
  emit_pack(generated, program, shape, {kPackCall, Rate::call});
  emit_pack(generated, program, shape, {kPackKept, kept_rate(program)});
  emit_pack(generated, program, shape, {kPackReduced, reduced_rate(program)});
  emit_tile(generated, program, shape);
  if (shape.lanes_along_kept) {
    emit_store(generated, program, shape, {kStore, program.kept});
  }
  if (has_sums_over_rows(program)) emit_rest_tile(generated, program, shape);
  if (!has_crossed_outputs(program)) return generated;
  emit_add_crossed(generated, program, shape);
  return generated;
}

}  // namespace gramless
