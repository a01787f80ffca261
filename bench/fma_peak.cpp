// SPDX-License-Identifier: MIT
// Measures how many vectors of multiply-adds cores do, in registers alone:
// fma_peak THREADS BYTES, with vectors of at most so many bytes.
//
// To be compiled by g++ for the processor that it runs on: -O3 -march=native.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

// Enough to hide an instruction's latency, and few enough for the registers.
#if defined(__aarch64__)
constexpr int kSums = 24;
#else
constexpr int kSums = 12;
#endif
constexpr int kRounds = 20'000;
constexpr int kRepeats = 2'000;

#if defined(__AVX512F__)
constexpr int kMostBytes = 64;
#elif defined(__AVX__)
constexpr int kMostBytes = 32;
#else
constexpr int kMostBytes = 16;
#endif

template <int bytes>
struct VectorOf {
  using Type [[gnu::vector_size(bytes)]] = float;
};

/// Returns the total of sums that start from different values, because a
/// compiler makes one sum of equal ones.
template <int bytes>
float run(float factor) {
  using Vector = typename VectorOf<bytes>::Type;
  Vector sums[kSums];
  for (int k = 0; k < kSums; ++k) sums[k] = Vector{} + static_cast<float>(k);
  for (int round = 0; round < kRounds; ++round) {
    for (Vector& sum : sums) sum = sum * factor + factor;
  }
  Vector total{};
  for (const Vector& sum : sums) total += sum;
  return total[0];
}

template <int bytes>
void repeat() {
  volatile float factor = 0.999F;
  for (int k = 0; k < kRepeats; ++k) {
    factor = std::min(run<bytes>(factor), 0.999F);
  }
}

}  // namespace

// Takes the whole time, and not the best part, because other processes slow
// down the benchmark in the same way.
int main(int count, char** arguments) {
  if (count != 3) return 2;
  using Clock = std::chrono::steady_clock;
  const int threads = std::atoi(arguments[1]);
  const int bytes = std::min(kMostBytes, std::atoi(arguments[2]));
  const auto part = bytes == 64   ? &repeat<64>
                    : bytes == 32 ? &repeat<32>
                                  : &repeat<16>;
  const auto start = Clock::now();
  std::vector<std::thread> others;
  for (int k = 1; k < threads; ++k) others.emplace_back(part);
  part();
  for (std::thread& other : others) other.join();
  const std::chrono::duration<double> time = Clock::now() - start;
  const double vectors = 1.0 * threads * kRepeats * kRounds * kSums;
  std::printf("{\"bytes\": %d, \"per_second\": %.4g}\n", bytes,
              vectors / time.count());
}
