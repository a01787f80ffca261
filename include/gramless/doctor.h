// SPDX-License-Identifier: MIT
// What the library found of the machine that it runs on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gramless/export.h"

namespace gramless {

/// A part of the software, such as LLVM.
struct SoftwareVersion {
  std::string name = {};
  std::string version = {};
};

/// The processor, as code is generated for it.
struct ProcessorReport {
  std::string target = {};        // Such as x86_64-unknown-linux-gnu.
  std::string instructions = {};  // Those of vectors: baseline, avx2 or avx512.
  int vector_bytes = 0;
  /// Features that code may use, and others: not there, or not used.
  std::vector<std::string> used = {};
  std::vector<std::string> unused = {};
};

struct ThreadsReport {
  int count = 0;       // How many a call takes, unless it says another number.
  int processors = 0;  // Those that this process may run on,
  int quota = 0;       // and those of its control group's quota; 0: no quota.
  std::string omp_num_threads = {};  // The variable; empty where it is not set.
};

/// A CUDA device.
struct DeviceReport {
  std::string name = {};  // Such as cuda:0.
  std::string model = {};
  std::string compute_capability = {};
  int64_t memory = 0;        // In bytes.
  std::string problem = {};  // Why it cannot be used; empty if it can.
};

/// The CUDA driver.
struct DriverReport {
  std::string library = {};  // What is looked for; empty in a CPU build.
  std::string path = {};     // Where it was found.
  std::string version = {};  // Of CUDA, for which it is made, such as 12.4.
  std::string problem = {};  // Why it cannot be used; empty if it can.
  std::vector<DeviceReport> devices = {};
};

/// A small product by one engine, compared with the backend `reference`.
struct EngineReport {
  std::string backend = {};
  std::string device = {};
  std::string problem = {};  // Why it did not run, or that its result is wrong.
  bool did_run = false;      // Else there are no numbers:
  double error = 0;          // The largest, relative to the largest result.
  double first_ms = 0;       // Of the first call, which compiles,
  double next_ms = 0;        // and of one more.
};

struct DoctorReport {
  std::vector<SoftwareVersion> versions = {};
  ProcessorReport processor = {};
  ThreadsReport threads = {};
  DriverReport driver = {};
  std::vector<EngineReport> engines = {};
};

/// Looks at the machine and runs a small product by each engine. What is
/// missing or wrong is a text in the report, never an exception.
GRAMLESS_API DoctorReport doctor();

/// Returns the report in lines to read.
GRAMLESS_API std::string to_text(const DoctorReport& report);

}  // namespace gramless
