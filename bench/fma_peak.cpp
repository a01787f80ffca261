// SPDX-License-Identifier: MIT
// Measures how many vectors of multiply-adds a core does, in registers alone.
//
// To be compiled by g++ for the processor that it runs on: -O3 -march=native.
#include <algorithm>
#include <chrono>
#include <cstdio>

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
// Enough to hide an instruction's latency, and few enough for the registers.
#if defined(__aarch64__)
constexpr int kSums = 24;
#else
constexpr int kSums = 12;
#endif
constexpr int kRounds = 20'000;
constexpr int kRepeats = 3'000;

using Vector [[gnu::vector_size(kLanes * sizeof(float))]] = float;

/// Returns the total of sums that start from different values, because a
/// compiler makes one sum of equal ones.
float run(float factor) {
  Vector sums[kSums];
  for (int k = 0; k < kSums; ++k) sums[k] = Vector{} + static_cast<float>(k);
  for (int round = 0; round < kRounds; ++round) {
    for (Vector& sum : sums) sum = sum * factor + factor;
  }
  Vector total{};
  for (const Vector& sum : sums) total += sum;
  return total[0];
}

}  // namespace

// Takes the whole time, and not the best part, because other processes slow
// down the benchmark in the same way.
int main() {
  using Clock = std::chrono::steady_clock;
  volatile float factor = 0.999F;
  const auto start = Clock::now();
  for (int k = 0; k < kRepeats; ++k) factor = std::min(run(factor), 0.999F);
  const std::chrono::duration<double> time = Clock::now() - start;
  const double rate = 1.0 * kRepeats * kRounds * kSums / time.count();
  std::printf("{\"lanes\": %d, \"per_second\": %.4g}\n", kLanes, rate);
}
