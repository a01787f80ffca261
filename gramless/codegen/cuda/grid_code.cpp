// SPDX-License-Identifier: MIT
// Generates the module of a grid's kernels: the functions of a sweep for one
// number, which become parts of the kernels that call them.
#include "gramless/codegen/cuda/grid_code.h"

#include <algorithm>
#include <cstring>

#include "gramless/codegen/cuda/kernel_code.h"
#include "gramless/codegen/cuda/simplify_code.h"
#include "gramless/codegen/pack_code.h"
#include "gramless/codegen/store_code.h"
#include "gramless/codegen/tile_code.h"
#include "gramless/error.h"

namespace gramless {
namespace {

/// Blocks of the last kernel, at most.
constexpr int64_t kMostFinishBlocks = 4096;

template <class T>
void append(std::vector<std::byte>& bytes, const T& value) {
  const std::size_t size = bytes.size();
  bytes.resize(size + sizeof(T));
  std::memcpy(bytes.data() + size, &value, sizeof(T));
}

bool has_finish(const Program& program, const GridPlan& plan) {
  return has_partial_rows(program, plan) || shared_width(program) > 0;
}

}  // namespace

bool has_partial_rows(const Program& program, const GridPlan& plan) {
  return plan.splits > 1 && kept_width(program) > 0;
}

Target cuda_target(int capability) {
  return {.triple = "nvptx64-nvidia-cuda",
          .cpu = "sm_" + std::to_string(capability),
          .features = "",
          .has_fma = true,
          .vector_bytes = 8,
          .is_cuda = true};
}

std::vector<KernelLaunch> grid_launches(const Program& program,
                                        const GridPlan& plan) {
  std::vector<KernelLaunch> launches;
  if (plan.blocks > 0) {
    if (plan.is_call_in_workspace) launches.push_back({kCallKernel});
    launches.push_back({kSweepKernel, plan.blocks, plan.splits, plan.threads,
                        plan.shared_bytes});
  }
  const bool has_rows = plan.blocks > 0 && has_partial_rows(program, plan);
  if (has_rows || shared_width(program) > 0) {
    const int64_t blocks = (plan.sizes.kept + plan.threads - 1) / plan.threads;
    launches.push_back(
        {kFinishKernel,
         has_rows ? std::min(blocks, kMostFinishBlocks) : int64_t{1}, 1,
         plan.threads, plan.shared_bytes});
  }
  return launches;
}

std::vector<std::string> grid_kernels(const Program& program,
                                      const GridPlan& plan) {
  std::vector<std::string> names = {kSweepKernel};
  if (plan.is_call_in_workspace) names.emplace_back(kCallKernel);
  if (has_finish(program, plan)) names.emplace_back(kFinishKernel);
  return names;
}

std::vector<std::byte> grid_parameters(const Program& program,
                                       const GridPlan& plan,
                                       const GridArrays& arrays) {
  const int64_t partials = plan.blocks * plan.splits;
  std::vector<std::byte> bytes;
  append(bytes, GridParameters{arrays.workspace, plan.sizes.kept,
                               plan.sizes.reduced, plan.tiles, plan.chunk,
                               plan.splits, plan.split_length, partials,
                               std::max<int64_t>(1, partials), plan.workspace});
  for (const ArrayPointer& argument : arrays.arguments) append(bytes, argument);
  for (const ResultPointer& result : arrays.results) append(bytes, result);
  for (const int64_t stride : arrays.problem_strides) append(bytes, stride);
  for (const auto& [name, extent] : long_axes(program, plan.tile)) {
    append(bytes, extent);
  }
  return bytes;
}

GeneratedModule generate_grid(const Program& program, const GridPlan& plan,
                              const Target& target) {
  if (has_crossed_outputs(program)) {
    throw InternalError("generate_grid(): expected no crossed outputs.");
  }
  GeneratedModule generated = make_module(target, "grid");
  const TileShape& tile = plan.tile;
  emit_pack(generated, program, tile, {kPackCall, Rate::call});
  emit_pack(generated, program, tile, {kPackKept, kept_rate(program)});
  emit_pack(generated, program, tile, {kPackReduced, reduced_rate(program)});
  emit_tile(generated, program, tile);
  emit_store(generated, program, tile, {kStore, program.kept});
  emit_store(generated, program, tile, {kStoreSums, Kept::neither});
  if (plan.is_call_in_workspace) emit_call_kernel(generated, program, plan);
  emit_sweep_kernel(generated, program, plan);
  if (has_finish(program, plan)) emit_finish_kernel(generated, program, plan);
  simplify_kernels(generated);
  return generated;
}

}  // namespace gramless
