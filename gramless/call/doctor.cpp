// SPDX-License-Identifier: MIT
// Looks at the machine, and tries each engine.
#include "gramless/doctor.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "gramless/backend/cpu/executable.h"
#include "gramless/backend/cuda/engine.h"
#include "gramless/base/text.h"
#include "gramless/base/threads.h"
#include "gramless/call.h"
#include "gramless/codegen/target.h"

namespace gramless {
namespace {

ProcessorReport processor_report() {
  const Target target = host_target();
  ProcessorReport report{.target = target.triple,
                         .instructions = isa_name(target.isa),
                         .vector_bytes = target.vector_bytes};
  std::string_view rest = target.features;
  while (!rest.empty()) {
    const std::string_view feature = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), feature.size() + 1));
    auto& features = feature.starts_with('+') ? report.used : report.unused;
    features.emplace_back(feature.substr(1));
  }
  return report;
}

ThreadsReport threads_report() {
  ThreadsReport report{.count = default_thread_count(),
                       .processors = affinity_processors(),
                       .quota = quota_processors("/")};
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    report.omp_num_threads = text;
  }
  return report;
}

/// A small product: a Gaussian of points on two curves, with E = 1.
class SmallProduct {
 public:
  SmallProduct() {
    for (int k = 0; k < kRows; ++k) {
      const float angle = 0.05F * static_cast<float>(k);
      x_.insert(x_.end(), {std::cos(angle), std::sin(angle), 0.01F * angle});
      y_.insert(y_.end(), {std::sin(3 * angle), std::cos(angle), 0.5F});
      b_.push_back(std::cos(7 * angle));
    }
  }

  [[nodiscard]] std::vector<float> run(Backend backend) const {
    std::vector<float> result(kRows);
    kernel_product(kernel_,
                   {.x = {ArrayView::contiguous(x_, {kRows, 3})},
                    .y = {ArrayView::contiguous(y_, {kRows, 3})},
                    .gamma = {{ArrayView::contiguous(gamma_, {1})}},
                    .b = {ArrayView::contiguous(b_, {kRows, 1})}},
                   MutableArrayView::contiguous(result, {kRows, 1}),
                   {.backend = backend});
    return result;
  }

 private:
  static constexpr int kRows = 500;

  Kernel kernel_{"gaussian(x,y)"};
  std::vector<float> x_;
  std::vector<float> y_;
  std::vector<float> b_;
  std::vector<float> gamma_ = {2};
};

/// What is wrong is larger than this; roundings are near 1e-7.
constexpr double kLargestError = 1e-5;

/// Returns the largest difference, relative to the largest number.
double relative_error(const std::vector<float>& actual,
                      const std::vector<float>& expected) {
  double error = 0;
  double scale = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double difference = std::abs(actual[k] - expected[k]);
    error = std::isnan(difference) ? difference : std::max(error, difference);
    scale = std::max(scale, static_cast<double>(std::abs(expected[k])));
    if (std::isnan(error)) break;
  }
  return error / scale;
}

/// Tries an engine; what it throws is a problem of the report.
EngineReport engine_report(std::string_view name, const SmallProduct& product) {
  EngineReport report{.backend = std::string(name), .device = "cpu"};
  try {
    const Backend backend = parse_backend(name);
    if (backend == Backend::cuda) {
      report.device = "cuda:0";
      check_backend(backend, {});
      report.problem = "not tried: memory on a device is the caller's";
      return report;
    }
    const std::vector<float> expected = product.run(Backend::reference);
    std::vector<float> actual;
    const auto timed_run = [&] {
      const auto start = std::chrono::steady_clock::now();
      actual = product.run(backend);
      return std::chrono::duration<double, std::milli>(
                 std::chrono::steady_clock::now() - start)
          .count();
    };
    report.first_ms = timed_run();
    report.next_ms = timed_run();
    report.did_run = true;
    report.error = relative_error(actual, expected);
    if (!(report.error <= kLargestError))
      report.problem = "its result is wrong";
  } catch (const std::exception& error) {
    report.problem = error.what();
  }
  return report;
}

/// Returns three digits of a number.
std::string short_text(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", number);
  return text.data();
}

std::string names_text(const std::vector<std::string>& names) {
  return names.empty() ? "none" : join(names, " ");
}

std::string driver_text(const DriverReport& driver) {
  std::string text;
  if (!driver.version.empty()) {
    text += concat("  ", driver.library, " for CUDA ", driver.version, ", ",
                   driver.path, "\n");
  }
  if (!driver.problem.empty()) text += concat("  ", driver.problem, "\n");
  for (const DeviceReport& device : driver.devices) {
    const double memory = static_cast<double>(device.memory) / (1 << 30);
    text +=
        concat("  ", device.name, ": ", device.model, ", compute capability ",
               device.compute_capability, ", ", short_text(memory), " GiB",
               device.problem.empty() ? "" : ": ", device.problem, "\n");
  }
  return text;
}

std::string engine_text(const EngineReport& engine) {
  std::string text = concat("  ", engine.backend, " on ", engine.device, ": ");
  if (engine.did_run) {
    text +=
        concat("first call ", short_text(engine.first_ms), " ms, next one ",
               short_text(engine.next_ms), " ms, error ",
               short_text(engine.error), engine.problem.empty() ? "" : ": ");
  }
  return text + engine.problem + "\n";
}

}  // namespace

DoctorReport doctor() {
  DoctorReport report;
  report.versions = {{"gramless", GRAMLESS_VERSION},
                     {"LLVM", cpu::llvm_version()}};
  report.processor = processor_report();
  report.threads = threads_report();
  report.driver = cuda::driver_report();
  const SmallProduct product;
  for (const std::string_view backend : {"CPU", "GPU"}) {
    report.engines.push_back(engine_report(backend, product));
  }
  return report;
}

std::string to_text(const DoctorReport& report) {
  const auto& [versions, processor, threads, driver, engines] = report;
  std::string text = "versions\n";
  for (const auto& [name, version] : versions) {
    text += concat("  ", name, " ", version, "\n");
  }
  text +=
      concat("processor\n  ", processor.target, ", ", processor.instructions,
             ": vectors of ", processor.vector_bytes, " bytes\n");
  text += concat("  used: ", names_text(processor.used), "\n");
  text += concat("  not used: ", names_text(processor.unused), "\n");
  const std::string quota =
      threads.quota == 0 ? "none" : std::to_string(threads.quota);
  text += concat(
      "threads\n  ", threads.count, " for a call; processors by ", "affinity ",
      threads.processors, ", by quota ", quota, "; OMP_NUM_THREADS ",
      threads.omp_num_threads.empty() ? "is not set" : threads.omp_num_threads,
      "\n");
  text += "CUDA\n" + driver_text(driver) + "engines\n";
  for (const EngineReport& engine : engines) text += engine_text(engine);
  return text;
}

}  // namespace gramless
