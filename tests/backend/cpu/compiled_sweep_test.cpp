// SPDX-License-Identifier: MIT
// Tests that compiled code is shared, bounded in number, and freed.
#include "gramless/backend/cpu/compiled_sweep.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "evaluate.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless {
namespace {

Program program_of(const std::string& name) {
  const MapReduce product = testing::product_of(name, Metric::scalar);
  return lower(expand(simplify(apply_log_domain(product, {}))))[0];
}

TEST(CompiledSweep, IsSharedByProgramsOfOneStructure) {
  const Target target = host_target();
  const Program program = program_of("gaussian(x,y) + 0.125");
  const TileShape shape =
      make_plan(program, {100, 100}, DType::float32, target.vector_bytes).tile;
  const auto first = cpu::compiled_sweep(program, shape, target);
  EXPECT_EQ(
      cpu::compiled_sweep(program_of("gaussian(u,v) + 0.125"), shape, target),
      first);
  EXPECT_NE(
      cpu::compiled_sweep(program_of("gaussian(x,y) + 0.25"), shape, target),
      first);
  TileShape other = shape;
  other.dtype = DType::float64;
  EXPECT_NE(cpu::compiled_sweep(program, other, target), first);
  const Target baseline = host_target(VectorIsa::baseline);
  if (baseline.features == target.features) return;
  EXPECT_NE(cpu::compiled_sweep(program, shape, baseline), first);
}

/// Returns the resident memory of this process in bytes, or 0.
int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  file >> size >> resident;
  return resident * 4096;
}

TEST(CompiledSweep, LeavesNoGrowthBehind) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer keeps what is freed";
#endif
  const Target target = host_target();
  const auto compile = [&](int first, int count) {
    for (int k = first; k < first + count; ++k) {
      const Program program =
          program_of("gaussian(x,y) + " + std::to_string(k) + ".5");
      cpu::compiled_sweep(
          program,
          make_plan(program, {9, 9}, DType::float32, target.vector_bytes).tile,
          target);
    }
  };
  compile(0, 400);  // More than the table holds.
  const std::size_t kept = cpu::compiled_sweeps();
  const int64_t before = resident_bytes();
  compile(400, 600);
  EXPECT_EQ(cpu::compiled_sweeps(), kept);
  EXPECT_LE(kept, 256U);
  constexpr int64_t kSlack = int64_t{8} << 20U;
  EXPECT_LE(resident_bytes() - before, kSlack);
}

}  // namespace
}  // namespace gramless
