// SPDX-License-Identifier: MIT
// Implements the texts for messages.
#include "gramless/base/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

namespace gramless {
namespace {

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t r = 0; r < a.size(); ++r) {
    std::size_t diagonal = row[0];
    row[0] = r + 1;
    for (std::size_t c = 0; c < b.size(); ++c) {
      const std::size_t replaced = diagonal + (a[r] == b[c] ? 0 : 1);
      diagonal = row[c + 1];
      row[c + 1] = std::min({replaced, row[c] + 1, row[c + 1] + 1});
    }
  }
  return row.back();
}

/// Splits UTF-8 text into characters, control characters replaced by blanks.
std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> result;
  for (const char byte : text) {
    if (continues_character(byte) && !result.empty()) {
      result.back() += byte;
    } else {
      const bool control = static_cast<unsigned char>(byte) < 0x20U;
      result.emplace_back(1, control ? ' ' : byte);
    }
  }
  return result;
}

}  // namespace

std::string number_text(double value) {
  std::array<char, 32> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string shape_text(std::span<const int64_t> shape) {
  std::string text = "(";
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(shape[axis]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::string join(std::span<const std::string> parts,
                 std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 40;
  const std::vector<std::string> all = characters(text.substr(0, 4 * kMost));
  std::string result = "'";
  for (std::size_t c = 0; c < std::min(all.size(), kMost); ++c) {
    result += all[c];
  }
  return result + (all.size() > kMost ? "...'" : "'");
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::vector<std::string> nearest_names(
    std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kLongestWord = 64;
  std::vector<std::pair<std::size_t, std::string>> near;
  if (word.size() > kLongestWord) return {};
  const std::string given = lower_case(word);
  for (const std::string& candidate : candidates) {
    const std::string name = lower_case(candidate);
    const std::size_t distance = edit_distance(given, name);
    const bool is_start = given.size() >= 3 && name.starts_with(given);
    if (is_start || distance <= std::max<std::size_t>(1, word.size() / 3)) {
      near.emplace_back(distance, candidate);
    }
  }
  std::sort(near.begin(), near.end());
  const bool is_same = !near.empty() && near[0].first == 0;
  near.resize(std::min<std::size_t>(near.size(), is_same ? 1 : 3));
  std::vector<std::string> names;
  names.reserve(near.size());
  for (const auto& [distance, name] : near) names.push_back(name);
  return names;
}

std::string did_you_mean(std::span<const std::string> names) {
  std::string text;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const bool is_last = k + 1 == names.size();
    const std::string_view separator = is_last ? " or " : ", ";
    text += concat(k == 0 ? " Did you mean " : separator, "'", names[k], "'");
  }
  return text.empty() ? text : text + "?";
}

std::string did_you_mean(std::string_view word,
                         std::span<const std::string> candidates) {
  return did_you_mean(nearest_names(word, candidates));
}

int64_t count_characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char byte) { return !continues_character(byte); });
}

std::string caret_picture(std::string_view text, std::size_t begin,
                          std::size_t end) {
  constexpr std::size_t kWindow = 72;
  const auto column = [&](std::size_t byte) {
    return static_cast<std::size_t>(count_characters(text.substr(0, byte)));
  };
  if (text.find_first_not_of(" \t\n\r\v\f") == std::string_view::npos)
    return "";
  const std::vector<std::string> all = characters(text);
  const std::size_t first = column(begin);
  const std::size_t last = std::max(first + 1, column(end));
  std::size_t left = first > kWindow / 2 ? first - kWindow / 2 : 0;
  if (all.size() <= kWindow) left = 0;
  const std::size_t right = std::min(all.size(), left + kWindow);
  std::string line = left > 0 ? "..." : "";
  std::string carets(line.size() + first - left, ' ');
  for (std::size_t c = left; c < right; ++c) line += all[c];
  if (right < all.size()) line += "...";
  carets +=
      std::string(std::min(last, std::max(right, first + 1)) - first, '^');
  return concat("\n  ", line, "\n  ", carets);
}

}  // namespace gramless
