// SPDX-License-Identifier: MIT
// Loads modules into contexts, and unloads them.
#include "gramless/backend/cuda/module.h"

#include <array>
#include <atomic>
#include <bit>

namespace gramless::cuda {
namespace {

constinit std::atomic<uint64_t> texts_made = 0;

/// Returns what to do about a text that the driver does not load.
std::string advice_for(const Driver& driver, Status status,
                       std::string_view log) {
  if (status == Status::unsupported_ptx) {
    return concat("The driver, for CUDA ", driver.version(),
                  ", is too old for this device's code. Install a newer one.");
  }
  if (status >= Status::stream_capture_unsupported &&
      status <= Status::last_of_stream_capture) {
    return "Run the product once before it is captured in a graph.";
  }
  return log.empty() ? "" : concat("The driver's compiler says: ", log);
}

}  // namespace

ModuleText::ModuleText(std::string ptx, std::vector<std::string> kernels)
    : ptx_(std::move(ptx)),
      kernels_(std::move(kernels)),
      number_(++texts_made) {}

LoadedModule::LoadedModule(const Driver& driver, const Context& context,
                           const ModuleText& text)
    : driver_(driver), context_(context) {
  const CaptureLeave leave(driver);
  load(text.ptx());
  try {
    find_kernels(text.kernels());
  } catch (...) {
    static_cast<void>(
        driver.try_call(driver.functions().unload_module, handle_));
    throw;
  }
}

void LoadedModule::load(const std::string& ptx) {
  std::array<char, 4096> log{};
  std::array options = {ModuleOption::error_log, ModuleOption::error_log_bytes};
  std::array<void*, 2> values = {log.data(), std::bit_cast<void*>(log.size())};
  const DriverFunctions& functions = driver_.functions();
  const Status status = driver_.try_call(
      functions.load_module, &handle_, static_cast<const void*>(ptx.c_str()),
      static_cast<unsigned>(options.size()), options.data(), values.data());
  if (status == Status::success) return;
  log.back() = '\0';
  driver_.fail(functions.load_module.name, status,
               advice_for(driver_, status, log.data()));
}

void LoadedModule::find_kernels(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    KernelHandle kernel = nullptr;
    driver_.call(driver_.functions().get_kernel, &kernel, handle_,
                 name.c_str());
    kernels_.emplace_back(name, kernel);
  }
}

KernelHandle LoadedModule::kernel(std::string_view name) const {
  for (const auto& [known, kernel] : kernels_) {
    if (known == name) return kernel;
  }
  throw InternalError(concat("LoadedModule: unknown kernel '", name, "'."));
}

// The context may have gone, and another one lie at its address: what its
// number is tells. Nobody is there to be told of errors.
LoadedModule::~LoadedModule() {
  const DriverFunctions& functions = driver_.functions();
  const auto try_call = [&](const auto& function, auto... arguments) {
    return driver_.try_call(function, arguments...) == Status::success;
  };
  CaptureMode mode = CaptureMode::relaxed;
  const bool has_leave = try_call(functions.exchange_capture_mode, &mode);
  unsigned long long id = 0;
  if (try_call(functions.push_context, context_.handle)) {
    if (try_call(functions.context_id, context_.handle, &id) &&
        id == context_.id) {
      static_cast<void>(try_call(functions.unload_module, handle_));
    }
    ContextHandle popped = nullptr;
    static_cast<void>(try_call(functions.pop_context, &popped));
  }
  if (has_leave) {
    static_cast<void>(try_call(functions.exchange_capture_mode, &mode));
  }
}

}  // namespace gramless::cuda
