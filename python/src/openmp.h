// SPDX-License-Identifier: MIT
// The threads of the OpenMP runtime that other packages use.
#pragma once

#include "gramless/call.h"

namespace gramless {

/// Returns what runs calls on the threads of the OpenMP runtime that is visible
/// in this process, such as torch's. Behind each of torch's own operations they
/// wait for work in a loop for milliseconds, so that other threads would share
/// the processors with them. Empty where there is none, and in a child of a
/// fork, where the runtime may wait for threads of the parent.
RunOnThreads openmp_threads();

}  // namespace gramless
