// SPDX-License-Identifier: MIT
// Compiled code in memory, which lives as long as its Executable.
#pragma once

#include <memory>
#include <string>

namespace gramless {
struct GeneratedModule;
}

namespace gramless::cpu {

class Executable {
 public:
  /// Compiles a module. Throws CompileError. LLVM sets up parts of itself when
  /// it first needs them: see ForkLock::first_use.
  explicit Executable(GeneratedModule generated);
  Executable(Executable&&) noexcept;
  Executable& operator=(Executable&&) noexcept;
  ~Executable();

  /// Returns the address of a function. Throws CompileError if there is none.
  [[nodiscard]] void* address(const std::string& function) const;

  template <class F>
  [[nodiscard]] F* function(const std::string& name) const {
    return reinterpret_cast<F*>(address(name));
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Returns the version of LLVM, which is linked into the library.
std::string llvm_version();

/// Returns the assembly that a module compiles to.
std::string assembly(const GeneratedModule& generated);

}  // namespace gramless::cpu
