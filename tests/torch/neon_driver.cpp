// SPDX-License-Identifier: MIT
// Runs the generated functions of one sweep, which it is linked with, on one
// thread. `neon_driver INPUT OUTPUT` reads the numbers that neon.py writes, and
// writes those of all results.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "gramless/backend/cpu/buffer.h"
#include "gramless/backend/cpu/denormals.h"
#include "gramless/codegen/sweep_code.h"
#include "gramless/ir/reductions.h"
#include "gramless/plan/plan.h"

extern "C" {
gramless::PackFunction pack_call;
gramless::PackFunction pack_kept;
gramless::PackFunction pack_reduced;
gramless::TileFunction tile;
gramless::StoreFunction store;
// Not all sweeps have these.
[[gnu::weak]] gramless::TileFunction rest_tile;
[[gnu::weak]] gramless::CrossedFunction add_crossed;
}

namespace gramless {
namespace {

using cpu::Buffer;

/// Numbers that the packed values of a position take at most, here.
constexpr int64_t kMostElements = 512;
/// Bytes of scratch memory: more than any tile needs.
constexpr int64_t kScratchBytes = int64_t{1} << 20;

[[noreturn]] void fail(const char* path) {
  std::perror(path);
  std::exit(2);
}

std::FILE* opened(const char* path, const char* mode) {
  std::FILE* file = std::fopen(path, mode);
  if (file == nullptr) fail(path);
  return file;
}

/// The numbers of a file, one after another.
class Input {
 public:
  explicit Input(const char* path) {
    std::FILE* file = opened(path, "rb");
    std::fseek(file, 0, SEEK_END);
    const int64_t bytes = std::ftell(file);
    std::rewind(file);
    memory_ = Buffer(bytes);
    const auto size = static_cast<std::size_t>(bytes);
    if (std::fread(memory_.bytes(), 1, size, file) != size) fail(path);
    std::fclose(file);
    next_ = memory_.bytes();
  }

  int64_t number() {
    int64_t value = 0;
    std::memcpy(&value, take(sizeof(value)), sizeof(value));
    return value;
  }

  std::vector<int64_t> list() {
    std::vector<int64_t> values(static_cast<std::size_t>(number()));
    for (int64_t& value : values) value = number();
    return values;
  }

  const std::byte* take(int64_t bytes) {
    const std::byte* const at = next_;
    next_ += bytes;
    return at;
  }

 private:
  Buffer memory_;
  const std::byte* next_ = nullptr;
};

/// Which positions an output has a result for: those of the axis that the sweep
/// keeps, those of the other one, or one for all.
enum Kind : uint8_t { kKept, kCrossed, kShared };

/// An array of results.
struct Result {
  Buffer memory;
  int64_t bytes;
  int64_t number_bytes;
};

/// An output, and the position of its first result.
struct Output {
  int64_t kind;
  int64_t width;
  std::size_t result;
};

class Sweep {
 public:
  explicit Sweep(Input& input)
      : number_bytes_(input.number()),
        lanes_(input.number()),
        tile_rows_(input.number()),
        rows_(input.number()),
        reduced_(input.number()),
        reduction_(row_of(static_cast<Reduction>(input.number()))),
        extents_(input.list()),
        call_(kMostElements * number_bytes_),
        kept_(kMostElements * number_bytes_ * tile_rows_),
        scratch_(kScratchBytes) {
    read_arguments(input);
    read_results(input);
    // Behind the whole tiles, one vector of rows may be partly filled.
    const int64_t all_rows = rows_ + tile_rows_;
    word_stride_ = all_rows * width(kKept) + width(kShared) * lanes_;
    words_ = filled(word_stride_);
    shared_ = words_.doubles() + all_rows * width(kKept);
    crossed_stride_ = reduced_ * width(kCrossed);
    crossed_words_ = filled(crossed_stride_);
    block_ =
        Buffer((width(kKept) + width(kShared)) *
               static_cast<int64_t>(kMostWords) * tile_rows_ * number_bytes_);
    registers_ = Buffer(kBlockTerms * width(kCrossed) * lanes_ * number_bytes_);
  }

  void run() {
    const cpu::FlushDenormals flush;
    pack_call(arrays_.data(), extents_.data(), nullptr, call_.bytes(), 0, 1, 1,
              0);
    reduced_elements_ = count_reduced_elements();
    for (int64_t first = 0; first < reduced_; first += kBlockTerms) {
      run_chunk(first, std::min(kBlockTerms, reduced_ - first));
    }
    for_each_tile([&](const TileRows& rows, bool /*is_rest*/) {
      const TileStates states = states_of(rows);
      store(extents_.data(), &states, &rows, results_.data());
    });
    store_others();
  }

  void write(const char* path) const {
    std::FILE* file = opened(path, "wb");
    for (const Result& result : memories_) {
      std::fwrite(result.memory.bytes(), 1,
                  static_cast<std::size_t>(result.bytes), file);
    }
    if (std::fclose(file) != 0) fail(path);
  }

 private:
  void read_arguments(Input& input) {
    for (int64_t left = input.number(); left > 0; --left) {
      const int64_t row_stride = input.number();
      const int64_t element_stride = input.number();
      const int64_t bytes = input.number();
      arrays_.push_back({input.take(bytes), row_stride, element_stride});
    }
  }

  void read_results(Input& input) {
    for (int64_t left = input.number(); left > 0; --left) {
      const int64_t row_stride = input.number();
      const int64_t element_stride = input.number();
      const int64_t bytes = input.number();
      memories_.push_back({Buffer(bytes), bytes, input.number()});
      results_.push_back(
          {memories_.back().memory.bytes(), row_stride, element_stride});
    }
    for (int64_t left = input.number(); left > 0; --left) {
      const int64_t kind = input.number();
      const int64_t width = input.number();
      outputs_.push_back(
          {kind, width, static_cast<std::size_t>(input.number())});
    }
  }

  [[nodiscard]] int64_t width(Kind kind) const {
    int64_t elements = 0;
    for (const Output& output : outputs_) {
      if (output.kind == kind) elements += output.width;
    }
    return elements;
  }

  /// Returns states of nothing, with so many words of each kind.
  [[nodiscard]] Buffer filled(int64_t stride) const {
    const auto kinds = static_cast<int64_t>(reduction_.words.size());
    Buffer words(kinds * stride * static_cast<int64_t>(sizeof(double)));
    double* at = words.doubles();
    for (const StateWord& word : reduction_.words) {
      at = std::fill_n(at, stride, word.identity);
    }
    return words;
  }

  /// Returns how many numbers the packed values of a position take: as many as
  /// are no longer what they were. All bits set is a NaN that is never packed.
  [[nodiscard]] int64_t count_reduced_elements() const {
    const int64_t bytes = kMostElements * number_bytes_;
    const Buffer panel(bytes);
    std::memset(panel.bytes(), 0xFF, static_cast<std::size_t>(bytes));
    pack_reduced(arrays_.data(), extents_.data(), call_.bytes(), panel.bytes(),
                 0, 1, 1, 0);
    const std::byte* const end = panel.bytes() + bytes;
    const std::byte* last = end;
    while (last > panel.bytes() && last[-1] == std::byte{0xFF}) --last;
    return (last - panel.bytes() + number_bytes_ - 1) / number_bytes_;
  }

  /// Calls `visit` for the rows of each tile: all that a tile has, then what is
  /// left of them. Sums over the rows take it one vector after another.
  template <class Visit>
  void for_each_tile(const Visit& visit) const {
    for (int64_t first = 0; first < rows_;) {
      const bool is_rest = rest_tile != nullptr && rows_ - first < tile_rows_;
      const int64_t all = is_rest ? lanes_ : tile_rows_;
      const TileRows rows{first, std::min(all, rows_ - first), all};
      visit(rows, is_rest);
      first += rows.count;
    }
  }

  [[nodiscard]] TileStates states_of(const TileRows& rows) const {
    return {words_.doubles() + rows.first * width(kKept),
            shared_,
            word_stride_,
            block_.bytes(),
            scratch_.bytes(),
            registers_.bytes()};
  }

  void run_chunk(int64_t first, int64_t count) const {
    const Buffer reduced(kBlockTerms * reduced_elements_ * number_bytes_);
    pack_reduced(arrays_.data(), extents_.data(), call_.bytes(),
                 reduced.bytes(), first, count, 1, reduced_elements_);
    TilePanels panels{call_.bytes(), kept_.bytes(), reduced.bytes(),
                      count,         kBlockTerms,   first};
    for_each_tile([&](const TileRows& rows, bool is_rest) {
      pack_rows(rows);
      panels.kept_count = rows.count;
      const TileStates states = states_of(rows);
      (is_rest ? rest_tile : tile)(extents_.data(), &panels, &states);
    });
    if (width(kCrossed) == 0) return;
    const TileStates states{
        .words = crossed_words_.doubles() + first * width(kCrossed),
        .word_stride = crossed_stride_,
        .crossed = registers_.bytes()};
    add_crossed(extents_.data(), &panels, &states);
  }

  /// Packs the rows of a tile. Copies of the last one fill it up.
  void pack_rows(const TileRows& rows) const {
    const auto pack = [&](int64_t first, int64_t count, int64_t index) {
      pack_kept(arrays_.data(), extents_.data(), call_.bytes(),
                kept_.bytes() + index * number_bytes_, first, count, rows.all,
                1);
    };
    pack(rows.first, rows.count, 0);
    const int64_t last = rows.first + rows.count - 1;
    int64_t index = (rows.count + lanes_ - 1) / lanes_ * lanes_;
    for (; index < rows.all; index += lanes_) pack(last, 1, index);
  }

  /// Stores the results of outputs that do not keep the rows.
  void store_others() const {
    int64_t crossed_element = 0;
    int64_t shared_element = 0;
    for (const Output& output : outputs_) {
      for (int64_t e = 0; e < output.width; ++e) {
        if (output.kind == kShared) {
          store_sum(output, 0, e,
                    sum_at(shared_ + shared_element++ * lanes_, word_stride_,
                           lanes_));
        }
        if (output.kind != kCrossed) continue;
        for (int64_t row = 0; row < reduced_; ++row) {
          store_sum(output, row, e,
                    sum_at(crossed_words_.doubles() + crossed_element +
                               row * width(kCrossed),
                           crossed_stride_, 1));
        }
        ++crossed_element;
      }
    }
  }

  /// Returns the sum of all of some states.
  [[nodiscard]] double sum_at(const double* words, int64_t stride,
                              int64_t count) const {
    State total = reduction_.identity();
    for (int64_t k = 0; k < count; ++k) {
      reduction_.combine(total, {words[k], words[stride + k]});
    }
    reduction_.settle({&total[0], &total[1], &total[2]}, 1);
    return total[0];
  }

  void store_sum(const Output& output, int64_t row, int64_t element,
                 double sum) const {
    const ResultPointer& result = results_[output.result];
    const int64_t at =
        row * result.row_stride + element * result.element_stride;
    if (memories_[output.result].number_bytes == sizeof(float)) {
      static_cast<float*>(result.data)[at] = static_cast<float>(sum);
    } else {
      static_cast<double*>(result.data)[at] = sum;
    }
  }

  int64_t number_bytes_;
  int64_t lanes_;
  int64_t tile_rows_;
  int64_t rows_;
  int64_t reduced_;
  const ReductionRow& reduction_;
  std::vector<int64_t> extents_;
  std::vector<ArrayPointer> arrays_;
  std::vector<Output> outputs_;
  std::vector<Result> memories_;
  std::vector<ResultPointer> results_;
  Buffer call_;
  Buffer kept_;
  Buffer scratch_;
  Buffer block_;
  /// What the tiles sum for crossed outputs.
  Buffer registers_;
  /// States, and those of crossed outputs.
  Buffer words_;
  Buffer crossed_words_;
  double* shared_ = nullptr;
  int64_t word_stride_ = 0;
  int64_t crossed_stride_ = 0;
  int64_t reduced_elements_ = 0;
};

}  // namespace
}  // namespace gramless

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  gramless::Input input(argv[1]);
  gramless::Sweep sweep(input);
  sweep.run();
  sweep.write(argv[2]);
  return 0;
}
