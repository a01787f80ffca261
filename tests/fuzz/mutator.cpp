// SPDX-License-Identifier: MIT
// Implements the changes.
#include "fuzz/mutator.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <stdexcept>

namespace gramless::testing {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         c == '.';
}

auto at(std::vector<std::string>& tokens, std::size_t place) {
  return tokens.begin() + static_cast<std::ptrdiff_t>(place);
}

}  // namespace

Mutator::Mutator(const std::string& seeds) {
  std::ifstream file(seeds);
  for (std::string line; std::getline(file, line);) seeds_.push_back(line);
  if (seeds_.empty()) throw std::runtime_error("no lines in " + seeds);
}

std::string Mutator::mutate(const std::string& text) {
  Tokens tokens = tokens_of(text);
  for (std::size_t changes = below(4) + 1; changes > 0; --changes) {
    replace_piece(tokens);
  }
  std::string result;
  for (const std::string& token : tokens) result += token;
  if (below(8) == 0 && !result.empty()) {
    result[below(result.size())] = static_cast<char>(below(256));
  }
  return result;
}

std::size_t Mutator::below(std::size_t count) {
  return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
}

/// Splits a text into words, numbers included, and other characters.
Mutator::Tokens Mutator::tokens_of(const std::string& text) {
  Tokens tokens;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin + 1;
    while (end < text.size() && is_word(text[begin]) && is_word(text[end])) {
      ++end;
    }
    tokens.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return tokens;
}

/// Returns begin and end of a piece: no token, one, or up to eight.
std::pair<std::size_t, std::size_t> Mutator::piece_of(const Tokens& tokens) {
  const std::size_t begin = below(tokens.size() + 1);
  const std::size_t most = below(2) == 0 ? 1 : below(8) + 1;
  const std::size_t left = std::min(tokens.size() - begin, most);
  return {begin, begin + below(left + 1)};
}

void Mutator::replace_piece(Tokens& tokens) {
  Tokens other = tokens_of(seeds_[below(seeds_.size())]);
  const auto [from, to] = piece_of(other);
  const auto [begin, end] = piece_of(tokens);
  tokens.erase(at(tokens, begin), at(tokens, end));
  tokens.insert(at(tokens, begin), at(other, from), at(other, to));
}

}  // namespace gramless::testing
