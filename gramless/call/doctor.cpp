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
#include <functional>
#include <span>
#include <string_view>
#include <utility>

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

  /// Runs it on the CPU.
  [[nodiscard]] std::vector<float> run(Backend backend) const {
    std::vector<float> result(kRows);
    call({x_.data(), y_.data(), gamma_.data(), b_.data()}, result.data(), {},
         {.backend = backend});
    return result;
  }

  /// Runs it on a CUDA device.
  [[nodiscard]] std::vector<float> run_on_device(int index) const {
    std::vector<float> result(kRows);
    const Device device{concat("cuda:", index)};
    cuda::run_on_device(
        index, std::array<std::span<const float>, 4>{x_, y_, gamma_, b_},
        result,
        [&](std::span<void* const> inputs, void* output,
            const TakeWorkspace& workspace) {
          call({inputs[0], inputs[1], inputs[2], inputs[3]}, output, device,
               {.workspace = workspace});
        });
    return result;
  }

 private:
  static constexpr int kRows = 500;

  /// Calls the product with x, y, gamma and b.
  void call(std::array<const void*, 4> inputs, void* output,
            const Device& device, const Options& options) const {
    const auto view = [&](std::size_t input, std::vector<int64_t> shape) {
      ArrayView array = ArrayView::contiguous(
          static_cast<const float*>(inputs.at(input)), std::move(shape));
      array.device = device;
      return array;
    };
    MutableArrayView result =
        MutableArrayView::contiguous(static_cast<float*>(output), {kRows, 1});
    result.device = device;
    kernel_product(kernel_,
                   {.x = {view(0, {kRows, 3})},
                    .y = {view(1, {kRows, 3})},
                    .gamma = {{view(2, {1})}},
                    .b = {view(3, {kRows, 1})}},
                   result, options);
  }

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

/// Tries an engine on a device; what it throws is a problem of the report.
EngineReport engine_report(std::string_view name, std::string device,
                           const std::vector<float>& expected,
                           const std::function<std::vector<float>()>& run) {
  EngineReport report{.backend = std::string(name),
                      .device = std::move(device)};
  std::vector<float> actual;
  const auto timed_run = [&] {
    const auto start = std::chrono::steady_clock::now();
    actual = run();
    return std::chrono::duration<double, std::milli>(
               std::chrono::steady_clock::now() - start)
        .count();
  };
  try {
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

/// Tries the engine of the CPU, and that of GPUs on each device, or on the
/// first one if there is none, to say why.
std::vector<EngineReport> engine_reports(const DriverReport& driver) {
  const SmallProduct product;
  const std::vector<float> expected = product.run(Backend::reference);
  std::vector<EngineReport> reports = {engine_report(
      "CPU", "cpu", expected, [&] { return product.run(Backend::cpu); })};
  const auto devices = std::max<std::size_t>(driver.devices.size(), 1);
  for (int index = 0; index < static_cast<int>(devices); ++index) {
    reports.push_back(
        engine_report("GPU", concat("cuda:", index), expected, [&] {
          check_backend(Backend::cuda, {});
          return product.run_on_device(index);
        }));
  }
  return reports;
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
  report.engines = engine_reports(report.driver);
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
