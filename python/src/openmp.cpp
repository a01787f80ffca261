// SPDX-License-Identifier: MIT
// Calls OpenMP as compiled code does: each runtime has the entry of GNU's.
#include "openmp.h"

#include <dlfcn.h>

#include <atomic>

#include "gramless/base/fork_lock.h"

namespace gramless {
namespace {

/// Calls `work(data)` on a team of at most so many threads.
using Parallel = void (*)(void (*work)(void*), void* data, unsigned threads,
                          unsigned flags);

/// Found once: to look for it takes half a microsecond.
constinit std::atomic<void*> the_entry = nullptr;

void call(void* work) { (*static_cast<const std::function<void()>*>(work))(); }

}  // namespace

RunOnThreads openmp_threads() {
  if (fork_depth() > 0) return {};
  void* address = the_entry;
  if (address == nullptr) {  // It is there once torch is imported.
    the_entry = address = dlsym(RTLD_DEFAULT, "GOMP_parallel");
  }
  if (address == nullptr) return {};
  const auto parallel = reinterpret_cast<Parallel>(address);
  return [parallel](int threads, const std::function<void()>& work) {
    void* data = const_cast<std::function<void()>*>(&work);
    parallel(call, data, static_cast<unsigned>(threads), 0);
  };
}

}  // namespace gramless
