// SPDX-License-Identifier: MIT
// Tests what is reported of a machine.
#include <gramless/gramless.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "gramless/base/text.h"
#include "gramless/base/threads.h"
#include "gramless/codegen/target.h"

namespace gramless {
namespace {

TEST(Doctor, FindsThisMachine) {
  const DoctorReport report = doctor();
  ASSERT_EQ(report.versions.size(), 2U);
  EXPECT_EQ(report.versions[0].name, "gramless");
  EXPECT_EQ(report.versions[1].name, "LLVM");
  EXPECT_TRUE(report.versions[1].version.starts_with("23.1."));
  const Target target = host_target();
  EXPECT_EQ(report.processor.target, target.triple);
  EXPECT_EQ(report.processor.vector_bytes, target.vector_bytes);
  const auto& [used, unused] =
      std::tie(report.processor.used, report.processor.unused);
  EXPECT_EQ(used.size() + unused.size(),
            static_cast<std::size_t>(std::count(target.features.begin(),
                                                target.features.end(), ',')) +
                1);
  for (const std::string& feature : used) {
    EXPECT_NE(("," + target.features).find(",+" + feature), std::string::npos);
  }
  EXPECT_EQ(report.threads.count, default_thread_count());
  EXPECT_EQ(report.threads.processors, affinity_processors());
}

TEST(Doctor, ReadsTheNumberOfThreads) {
  const char* before = std::getenv("OMP_NUM_THREADS");
  const std::string kept = before == nullptr ? "" : before;
  setenv("OMP_NUM_THREADS", "7", 1);
  const ThreadsReport threads = doctor().threads;
  if (before == nullptr) {
    unsetenv("OMP_NUM_THREADS");
  } else {
    setenv("OMP_NUM_THREADS", kept.c_str(), 1);
  }
  EXPECT_EQ(threads.count, 7);
  EXPECT_EQ(threads.omp_num_threads, "7");
}

TEST(Doctor, TriesEachEngine) {
  const DoctorReport report = doctor();
  const std::vector<DeviceReport>& devices = report.driver.devices;
  const std::vector<EngineReport>& engines = report.engines;
  ASSERT_EQ(engines.size(), 1 + std::max<std::size_t>(devices.size(), 1));
  EXPECT_EQ(engines[0].backend, "CPU");
  EXPECT_EQ(engines[0].problem, "");
  for (const EngineReport& engine : engines) {
    if (!engine.problem.empty()) continue;
    EXPECT_TRUE(engine.did_run);
    EXPECT_GT(engine.error, 0);  // The reference computes in float64.
    EXPECT_LT(engine.error, 1e-6);
    EXPECT_GT(engine.first_ms, 0);
    EXPECT_GT(engine.next_ms, 0);
  }
  for (std::size_t k = 1; k < engines.size(); ++k) {
    EXPECT_EQ(engines[k].backend, "GPU");
    EXPECT_EQ(engines[k].device, concat("cuda:", k - 1));
    if (k > devices.size() || devices[k - 1].model != "Device of the tests") {
      continue;
    }
    EXPECT_EQ(engines[k].problem, "its result is wrong");  // Nothing runs.
    EXPECT_EQ(engines[k].error, 1);
  }
  if (!devices.empty()) return;
  EXPECT_TRUE(
      engines[1].problem.starts_with("kernel_product(): backend 'GPU': "));
  EXPECT_NE(engines[1].problem.find(report.driver.problem), std::string::npos);
}

TEST(Doctor, PrintsEachPart) {
  const DoctorReport report = {
      .versions = {{"gramless", "1.2"}, {"torch", "not installed"}},
      .processor = {"aarch64-unknown-linux-gnu", "baseline", 16, {"neon"}, {}},
      .threads = {4, 8, 4, ""},
      .driver = {"libcuda.so.1",
                 "/lib/libcuda.so.1",
                 "12.4",
                 "",
                 {{"cuda:0", "NVIDIA H100", "9.0", int64_t{80} << 30, ""},
                  {"cuda:1", "Tesla V100", "7.0", int64_t{15} << 30,
                   "expected compute capability 7.5 or later, got 7.0."}}},
      .engines = {{"CPU", "cpu", "", true, 1.25e-7, 12.3456, 0.21},
                  {"GPU", "cuda:0", "its result is wrong", true, 0.5, 140, 2},
                  {"GPU", "cuda:1", "expected a device.", false}}};
  EXPECT_EQ(to_text(report), R"(versions
  gramless 1.2
  torch not installed
processor
  aarch64-unknown-linux-gnu, baseline: vectors of 16 bytes
  used: neon
  not used: none
threads
  4 for a call; processors by affinity 8, by quota 4; OMP_NUM_THREADS is not set
CUDA
  libcuda.so.1 for CUDA 12.4, /lib/libcuda.so.1
  cuda:0: NVIDIA H100, compute capability 9.0, 80 GiB
  cuda:1: Tesla V100, compute capability 7.0, 15 GiB: expected compute capability 7.5 or later, got 7.0.
engines
  CPU on cpu: first call 12.3 ms, next one 0.21 ms, error 1.25e-07
  GPU on cuda:0: first call 140 ms, next one 2 ms, error 0.5: its result is wrong
  GPU on cuda:1: expected a device.
)");
}

TEST(Doctor, PrintsWhyThereIsNoDriver) {
  const DoctorReport report = {
      .threads = {2, 2, 0, "2"},
      .driver = {.library = "libcuda.so.1", .problem = "expected a driver."}};
  EXPECT_EQ(to_text(report), R"(versions
processor
  , : vectors of 0 bytes
  used: none
  not used: none
threads
  2 for a call; processors by affinity 2, by quota none; OMP_NUM_THREADS 2
CUDA
  expected a driver.
engines
)");
}

}  // namespace
}  // namespace gramless
