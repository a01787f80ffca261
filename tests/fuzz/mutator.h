// SPDX-License-Identifier: MIT
// Random changes of texts, by tokens rather than bytes: more of them stay
// right, or nearly so.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace gramless::testing {

class Mutator {
 public:
  /// Takes pieces from the lines of a file.
  explicit Mutator(const std::string& seeds);

  /// Sets what all draws follow from.
  void reseed(unsigned seed) { random_.seed(seed); }

  [[nodiscard]] const std::vector<std::string>& seeds() const { return seeds_; }

  /// Returns a text with some pieces, empty ones included, replaced by pieces
  /// of seeds, and now and then a byte by any other.
  std::string mutate(const std::string& text);

  /// Returns a number below `count`.
  std::size_t below(std::size_t count);

 private:
  using Tokens = std::vector<std::string>;

  static Tokens tokens_of(const std::string& text);
  std::pair<std::size_t, std::size_t> piece_of(const Tokens& tokens);
  void replace_piece(Tokens& tokens);

  std::mt19937 random_;
  std::vector<std::string> seeds_;
};

}  // namespace gramless::testing
