// SPDX-License-Identifier: MIT
// Text for messages: concatenation, numbers, the nearest of a list of names.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace gramless {

/// Appends a string, a character, an integer, or the text() of an object.
template <class Part>
void append(std::string& text, const Part& part) {
  if constexpr (std::is_convertible_v<const Part&, std::string_view>) {
    text += std::string_view(part);
  } else if constexpr (std::is_same_v<Part, char>) {
    text += part;
  } else if constexpr (std::is_integral_v<Part>) {
    std::array<char, 24> digits;
    text.append(digits.data(),
                std::to_chars(digits.begin(), digits.end(), part).ptr);
  } else {
    text += part.text();
  }
}

/// Returns the concatenation of the parts.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

/// Returns the shortest decimal text that reads back as `value`.
std::string number_text(double value);

/// Returns `(1000, 3)`, or `(3,)` for one dimension, as Python prints tuples.
std::string shape_text(std::span<const int64_t> shape);

/// Returns the parts with `separator` between them.
std::string join(std::span<const std::string> parts,
                 std::string_view separator);

/// Returns the text in quotes, cut to 40 characters.
std::string quoted(std::string_view text);

/// Returns the text with the letters A-Z made small.
std::string lower_case(std::string_view text);

/// Returns up to three candidates that start with the word or are within a
/// third of its length in edit distance, in any case, the nearest first.
std::vector<std::string> nearest_names(std::string_view word,
                                       std::span<const std::string> candidates);

/// Returns ` Did you mean 'a' or 'b'?`, or nothing of no names.
std::string did_you_mean(std::span<const std::string> names);

/// The same of the names that are near.
std::string did_you_mean(std::string_view word,
                         std::span<const std::string> candidates);

/// Returns the number of characters (code points) in UTF-8 `text`.
int64_t count_characters(std::string_view text);

/// Returns a two-line picture: a window of `text` around the bytes
/// [begin, end), and carets below them. Control characters show as blanks. A
/// blank text has no picture.
std::string caret_picture(std::string_view text, std::size_t begin,
                          std::size_t end);

}  // namespace gramless
