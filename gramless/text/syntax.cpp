// SPDX-License-Identifier: MIT
// Implements the shared grammar by recursive descent.
#include "gramless/text/syntax.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "gramless/base/text.h"
#include "gramless/error.h"

namespace gramless {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' ||
         c == '\f';
}

class Parser {
 public:
  explicit Parser(const Source& source) : source_(source) {}

  Syntax parse_all() {
    Syntax tree = parse_sum();
    if (at_ < text().size()) {
      const bool is_open = peek() == ')';
      const bool is_caret = peek() == '^';
      fail_here(concat("expected an operator or the end, got ", token(),
                       is_open ? " without a '('" : ""),
                is_caret ? " Powers are written '**'." : "");
    }
    return tree;
  }

 private:
  Syntax parse_sum() {
    Syntax left = parse_term();
    while (true) {
      if (take("+")) {
        left = binary(SyntaxKind::add, std::move(left), parse_term());
      } else if (take("-")) {
        left = binary(SyntaxKind::subtract, std::move(left), parse_term());
      } else {
        return left;
      }
    }
  }

  Syntax parse_term() {
    Syntax left = parse_factor();
    while (true) {
      skip_space();
      if (rest().starts_with("**")) return left;
      if (take("*")) {
        left = binary(SyntaxKind::multiply, std::move(left), parse_factor());
      } else if (take("/")) {
        left = binary(SyntaxKind::divide, std::move(left), parse_factor());
      } else {
        return left;
      }
    }
  }

  Syntax parse_factor() {
    skip_space();
    const std::size_t begin = at_;
    if (take("+")) return nested(begin, [&] { return parse_factor(); });
    if (!take("-")) return parse_power();
    Syntax operand = nested(begin, [&] { return parse_factor(); });
    const std::size_t end = operand.end;
    return {SyntaxKind::negate, 0, "", {std::move(operand)}, begin, end};
  }

  Syntax parse_power() {
    Syntax base = parse_primary();
    if (!take("**")) return base;
    double sign = 1;
    while (true) {
      if (take("-")) {
        sign = -sign;
      } else if (!take("+")) {
        break;
      }
    }
    const std::optional<double> number = take_number();
    if (!number) {
      fail_here(concat("expected a number as exponent, got ", token()));
    }
    const std::size_t end = at_;
    skip_space();
    if (rest().starts_with("**")) {
      fail_at(source_, at_, at_ + 2, "expected one '**', got a second one",
              " Use parentheses: '(a**b)**c'.");
    }
    const std::size_t begin = base.begin;
    return {SyntaxKind::power, sign * *number, "",
            {std::move(base)}, begin,          end};
  }

  Syntax parse_primary() {
    skip_space();
    const std::size_t begin = at_;
    if (const std::optional<double> number = take_number()) {
      count_leaf(begin);
      return {SyntaxKind::number, *number, "", {}, begin, at_};
    }
    if (take("(")) {
      Syntax inner = parse_inside(begin);
      if (!take(")")) {
        if (source_.is_formula && peek_is(',')) fail_at_comma(inner);
        fail_here(concat("expected ')' or an operator, got ", token()));
      }
      inner.begin = begin;
      inner.end = at_;
      return inner;
    }
    if (at_ < text().size() && is_letter(peek())) return parse_name();
    if (source_.is_formula && peek_is('{')) return parse_placeholder();
    fail_here(concat("expected a number, a name or '(', got ", token()));
  }

  Syntax parse_name() {
    const std::size_t begin = at_;
    while (at_ < text().size() && (is_letter(peek()) || is_digit(peek()))) {
      ++at_;
    }
    while (source_.primes && at_ < text().size() && peek() == '\'') ++at_;
    count_leaf(begin);
    Syntax result{
        SyntaxKind::name, 0, text().substr(begin, at_ - begin), {}, begin, at_};
    if (take("(")) {
      result.kind = SyntaxKind::call;
      parse_arguments(result, ")");
    } else if (take("[")) {
      result.kind = SyntaxKind::element;
      parse_arguments(result, "]");
    }
    return result;
  }

  /// Reads what stands in brackets: a sum, or in a formula `f|g`.
  Syntax parse_inside(std::size_t begin) {
    Syntax inner = nested(begin, [&] { return parse_sum(); });
    if (!source_.is_formula || !take("|")) return inner;
    return binary(SyntaxKind::dot, std::move(inner),
                  nested(begin, [&] { return parse_sum(); }));
  }

  /// Refuses `(f,g)`, which once was how a scalar product was written.
  [[noreturn]] void fail_at_comma(const Syntax& left) {
    const std::size_t comma = at_++;
    const Syntax right = parse_sum();
    const auto written = [&](const Syntax& tree) {
      return std::string_view(text()).substr(tree.begin, tree.end - tree.begin);
    };
    const std::string product =
        concat("(", written(left), "|", written(right), ")");
    fail_at(source_, comma, comma + 1, "expected ')' or an operator, got ','",
            concat(" Write ", quoted(product.size() <= 40 ? product : "(f|g)"),
                   " for a scalar product."));
  }

  /// Reads a name in braces, such as `{X}`, which are a part of it.
  Syntax parse_placeholder() {
    const std::size_t begin = at_;
    const std::size_t close = text().find('}', begin);
    if (close == std::string::npos) {
      fail_at(source_, begin, begin + 1, "expected '{' to be closed");
    }
    count_leaf(begin);
    at_ = close + 1;
    return {
        SyntaxKind::name, 0, text().substr(begin, at_ - begin), {}, begin, at_};
  }

  void parse_arguments(Syntax& result, std::string_view close) {
    if (!take(close)) {
      do {
        result.operands.push_back(parse_inside(result.begin));
      } while (take(","));
      if (!take(close)) {
        fail_here(concat("expected ',' or '", close, "', got ", token()));
      }
    }
    result.end = at_;
  }

  template <class Parse>
  Syntax nested(std::size_t begin, Parse parse) {
    if (++depth_ > kDeepestNesting) {
      fail_at(source_, begin, begin + 1,
              concat("expected at most ", kDeepestNesting,
                     " nested brackets and signs, got more"));
    }
    Syntax result = parse();
    --depth_;
    return result;
  }

  static Syntax binary(SyntaxKind kind, Syntax left, Syntax right) {
    const std::size_t begin = left.begin;
    const std::size_t end = right.end;
    Syntax result{kind, 0, "", {}, begin, end};
    result.operands.push_back(std::move(left));
    result.operands.push_back(std::move(right));
    return result;
  }

  void count_leaf(std::size_t begin) {
    const int most = source_.length_factor * kMostLeaves;
    if (++leaves_ > most) {
      fail_at(
          source_, begin, begin + 1,
          concat("expected at most ", most, " numbers and names, got more"));
    }
  }

  std::optional<double> take_number() {
    skip_space();
    const std::string_view left = rest();
    const bool starts =
        !left.empty() &&
        (is_digit(left[0]) ||
         (left[0] == '.' && left.size() > 1 && is_digit(left[1])));
    if (!starts) return std::nullopt;
    double value = 0;
    const auto [end, error] =
        std::from_chars(left.data(), left.data() + left.size(), value);
    const std::size_t begin = at_;
    at_ += static_cast<std::size_t>(end - left.data());
    if (error != std::errc() || !std::isfinite(value)) {
      fail_at(source_, begin, at_,
              concat("expected a number within the range of float64, got ",
                     quoted(text().substr(begin, at_ - begin))));
    }
    if (at_ < text().size() && (is_letter(peek()) || peek() == '.')) {
      fail_at(source_, begin, at_ + 1,
              concat("expected a number, got ",
                     quoted(text().substr(begin, at_ + 1 - begin))));
    }
    return value;
  }

  bool take(std::string_view symbol) {
    skip_space();
    if (!rest().starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }

  void skip_space() {
    while (at_ < text().size() && is_space(peek())) ++at_;
  }

  /// Returns the word or character that comes next, for a message.
  std::string token() {
    skip_space();
    if (at_ >= text().size()) return "the end";
    return quoted(rest().substr(0, token_size()));
  }

  [[nodiscard]] std::size_t token_size() const {
    if (at_ >= text().size()) return 1;
    std::size_t size = 1;
    const auto belongs = [&](char c) {
      if (is_letter(peek()) || is_digit(peek())) {
        return is_letter(c) || is_digit(c);
      }
      return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
    };
    while (at_ + size < text().size() && belongs(text()[at_ + size])) ++size;
    return size;
  }

  [[noreturn]] void fail_here(const std::string& problem,
                              std::string advice = "") {
    skip_space();
    const bool is_ascii =
        at_ >= text().size() || static_cast<unsigned char>(peek()) < 0x80U;
    if (!is_ascii || (at_ < text().size() && peek() == '\'')) {
      advice = " Names are made of the letters a-z and A-Z, digits and '_'.";
    }
    fail_at(source_, at_, at_ + token_size(), problem, advice);
  }

  [[nodiscard]] const std::string& text() const { return source_.text; }
  [[nodiscard]] std::string_view rest() const {
    return std::string_view(text()).substr(at_);
  }
  [[nodiscard]] char peek() const { return text()[at_]; }
  [[nodiscard]] bool peek_is(char c) const {
    return at_ < text().size() && peek() == c;
  }

  const Source& source_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int leaves_ = 0;
};

}  // namespace

Syntax parse_syntax(const Source& source) {
  const std::size_t longest =
      static_cast<std::size_t>(source.length_factor) * kLongestText;
  if (source.text.size() > longest) {
    throw ArgumentError(concat(source.function, ": expected at most ", longest,
                               " characters, got ", source.text.size(), "."));
  }
  return Parser(source).parse_all();
}

bool is_binary(const Syntax& tree) {
  switch (tree.kind) {
    case SyntaxKind::add:
    case SyntaxKind::subtract:
    case SyntaxKind::multiply:
    case SyntaxKind::divide:
    case SyntaxKind::dot:
      return true;
    case SyntaxKind::number:
    case SyntaxKind::name:
    case SyntaxKind::call:
    case SyntaxKind::element:
    case SyntaxKind::negate:
    case SyntaxKind::power:
      return false;
  }
  throw InternalError("is_binary(): unknown kind of syntax.");
}

void fail_at(const Source& source, std::size_t begin, std::size_t end,
             const std::string& problem, const std::string& advice) {
  const std::size_t size = source.text.size();
  const std::string_view before =
      std::string_view(source.text).substr(0, std::min(begin, size));
  throw ArgumentError(concat(
      source.function, ": ", problem, " at column ",
      count_characters(before) + 1, ".", advice,
      caret_picture(source.text, std::min(begin, size), std::min(end, size))));
}

void fail_at(const Source& source, const Syntax& place,
             const std::string& problem, const std::string& advice) {
  fail_at(source, place.begin, place.end, problem, advice);
}

}  // namespace gramless
