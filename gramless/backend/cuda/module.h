// SPDX-License-Identifier: MIT
// Modules: PTX text, and what the driver compiles it to in a context.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gramless/backend/cuda/context.h"

namespace gramless::cuda {

/// The text of a module, with the names of its kernels. Compiled modules are
/// known by its number, so that nobody compares texts.
class ModuleText {
 public:
  ModuleText(std::string ptx, std::vector<std::string> kernels);

  [[nodiscard]] const std::string& ptx() const { return ptx_; }
  [[nodiscard]] const std::vector<std::string>& kernels() const {
    return kernels_;
  }
  /// Another one for each text that is made.
  [[nodiscard]] uint64_t number() const { return number_; }

 private:
  std::string ptx_;
  std::vector<std::string> kernels_;
  uint64_t number_;
};

/// A compiled module in a context. At its end it is unloaded, unless its
/// context has gone before it.
class LoadedModule {
 public:
  /// Compiles a text in a context that is current. Throws DeviceError with what
  /// the compiler says.
  LoadedModule(const Driver& driver, const Context& context,
               const ModuleText& text);
  LoadedModule(const LoadedModule&) = delete;
  LoadedModule& operator=(const LoadedModule&) = delete;
  ~LoadedModule();

  /// Returns a kernel of the text. Throws InternalError if there is none of the
  /// name.
  [[nodiscard]] KernelHandle kernel(std::string_view name) const;

 private:
  void load(const std::string& ptx);
  void find_kernels(const std::vector<std::string>& names);

  const Driver& driver_;
  const Context context_;
  ModuleHandle handle_ = nullptr;
  std::vector<std::pair<std::string, KernelHandle>> kernels_;
};

}  // namespace gramless::cuda
