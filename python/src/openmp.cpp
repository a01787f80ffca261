// SPDX-License-Identifier: MIT
// Calls OpenMP as compiled code does: each runtime has the entry of GNU's.
#include "openmp.h"

#include <dlfcn.h>

#include "gramless/base/fork_lock.h"

namespace gramless {
namespace {

/// Calls `work(data)` on a team of at most so many threads.
using Parallel = void (*)(void (*work)(void*), void* data, unsigned threads,
                          unsigned flags);

void call(void* work) { (*static_cast<const std::function<void()>*>(work))(); }

}  // namespace

RunOnThreads openmp_threads() {
  if (fork_depth() > 0) return {};
  // Not kept: it is there once torch is imported.
  void* const address = dlsym(RTLD_DEFAULT, "GOMP_parallel");
  if (address == nullptr) return {};
  const auto parallel = reinterpret_cast<Parallel>(address);
  return [parallel](int threads, const std::function<void()>& work) {
    void* data = const_cast<std::function<void()>*>(&work);
    parallel(call, data, static_cast<unsigned>(threads), 0);
  };
}

}  // namespace gramless
