// SPDX-License-Identifier: MIT
// Implements what the targets share.
#include "fuzz/target.h"

namespace gramless::testing {
namespace {

/// Returns the bytes that a character of UTF-8 has by its first one, or 0.
std::size_t length_of(unsigned char first) {
  if (first < 0x80U) return 1;
  if (first >= 0xC2U && first < 0xE0U) return 2;
  if (first >= 0xE0U && first < 0xF0U) return 3;
  return first >= 0xF0U && first < 0xF5U ? 4 : 0;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = length_of(static_cast<unsigned char>(text[at]));
    if (length == 0 || at + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      const auto byte = static_cast<unsigned char>(text[at + k]);
      if ((byte & 0xC0U) != 0x80U) return false;
    }
    at += length;
  }
  return true;
}

}  // namespace

void require(bool holds, const std::string& what) {
  if (!holds) throw Find(what);
}

void require_message(const std::string& message, std::string_view start,
                     std::string_view text) {
  require(message.starts_with(start) && message.size() > start.size(),
          "a message that does not begin as it should: " + message);
  require(message.size() < 1000, "a long message: " + message);
  require(is_utf8(message) || !is_utf8(text),
          "a message that is not UTF-8: " + message);
  for (const char c : message) {
    require(static_cast<unsigned char>(c) >= 0x20U || c == '\n',
            "a control character in a message: " + message);
  }
}

void require_limit(const std::exception& error) {
  const std::string message = error.what();
  require(message.find("expected at most") != std::string::npos, message);
}

unsigned seed_of(std::string_view text) {
  unsigned hash = 2166136261U;  // FNV-1a.
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  return hash;
}

}  // namespace gramless::testing
