// SPDX-License-Identifier: MIT
// Implements the reader of printed expressions and map-reduces.
#include "gramless/ir/reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <sstream>

#include "gramless/base/text.h"
#include "gramless/error.h"
#include "gramless/ir/printer.h"

namespace gramless {
namespace {

Axis axis_named(const Source& source, const Syntax& place, const Names& names) {
  if (place.kind == SyntaxKind::name) {
    if (place.name == "i") return kAxisI;
    if (place.name == "j") return kAxisJ;
    const std::size_t first_prime = place.name.find('\'');
    const std::string name = place.name.substr(0, first_prime);
    if (const auto found = names.extents.find(name);
        found != names.extents.end()) {
      const int primes = static_cast<int>(place.name.size() - name.size());
      return {name, primes, found->second};
    }
  }
  fail_at(source, place, "expected the name of an axis");
}

class Reader {
 public:
  Reader(ExprPool& pool, const Source& source, const Names& names)
      : pool_(pool), source_(source), names_(names) {}

  Expr read(const Syntax& tree) {
    switch (tree.kind) {
      case SyntaxKind::number:
        return pool_.constant(tree.number);
      case SyntaxKind::name:
        return read_name(tree);
      case SyntaxKind::call:
        return read_call(tree);
      case SyntaxKind::element:
        return read_element(tree);
      case SyntaxKind::negate:
        return -read(tree.operands[0]);
      case SyntaxKind::add:
        return read(tree.operands[0]) + read(tree.operands[1]);
      case SyntaxKind::subtract:
        return read(tree.operands[0]) - read(tree.operands[1]);
      case SyntaxKind::multiply:
        return read(tree.operands[0]) * read(tree.operands[1]);
      case SyntaxKind::divide:
        return pool_.divide(read(tree.operands[0]), read(tree.operands[1]));
      case SyntaxKind::power:
        return tree.number == 1
                   ? pool_.whole(read(tree.operands[0]))
                   : pool_.power(read(tree.operands[0]), tree.number);
      case SyntaxKind::dot:
        break;
    }
    throw InternalError("read(): unknown kind of syntax.");
  }

 private:
  Expr read_name(const Syntax& tree) {
    const auto found = names_.values.find(tree.name);
    if (found != names_.values.end()) return found->second;
    if (tree.name == "inf") {
      return pool_.constant(std::numeric_limits<double>::infinity());
    }
    if (tree.name == "nan") {
      return pool_.constant(std::numeric_limits<double>::quiet_NaN());
    }
    fail_at(source_, tree, concat("unknown name '", tree.name, "'"));
  }

  Expr read_call(const Syntax& tree) {
    if (tree.name == "sum") {
      require_operands(tree, 2);
      const Axis axis = axis_named(source_, tree.operands[0], names_);
      return pool_.sum(axis, read(tree.operands[1]));
    }
    if (tree.name == "at") {
      require_operands(tree, 2);
      return pool_.at(axis_named(source_, tree.operands[0], names_),
                      static_cast<int64_t>(tree.operands[1].number));
    }
    if (tree.name == "power" || tree.name == "power0") {
      require_operands(tree, 2);
      const Expr base = read(tree.operands[0]);
      const double exponent = read(tree.operands[1])->value;
      return tree.name == "power" ? pool_.power(base, exponent)
                                  : pool_.power0(base, exponent);
    }
    std::vector<Expr> operands;
    for (const Syntax& operand : tree.operands) {
      operands.push_back(read(operand));
    }
    for (const FunctionRow& row : function_table()) {
      if (row.name != tree.name) continue;
      require_operands(tree, row.arity());
      return pool_.apply(row.function, operands);
    }
    require_operands(tree, 1);
    if (tree.name == "sqrt") return pool_.power(operands[0], 0.5);
    if (tree.name == "rsqrt") return pool_.power(operands[0], -0.5);
    if (tree.name == "rsqrt0") return pool_.power0(operands[0], -0.5);
    fail_at(source_, tree, concat("unknown function '", tree.name, "'"));
  }

  Expr read_element(const Syntax& tree) {
    std::vector<Index> indices;
    for (const Syntax& operand : tree.operands) {
      if (operand.kind == SyntaxKind::number) {
        indices.emplace_back(static_cast<int64_t>(operand.number));
      } else {
        indices.emplace_back(axis_named(source_, operand, names_));
      }
    }
    return pool_.load(tree.name, std::move(indices));
  }

  void require_operands(const Syntax& tree, std::size_t count) {
    if (tree.operands.size() == count) return;
    fail_at(source_, tree,
            concat("expected ", count, " operands of '", tree.name, "', got ",
                   tree.operands.size()));
  }

  ExprPool& pool_;
  const Source& source_;
  const Names& names_;
};

/// Reads `x0[i,d:3]` or `sum[i]:float64`, and learns the extents of its axes.
ArraySpec read_array(std::string_view text, Names& names) {
  constexpr std::string_view kWide = ":float64";
  const bool is_wide = text.ends_with(kWide);
  if (is_wide) text.remove_suffix(kWide.size());
  const auto fail = [&] {
    throw ArgumentError(concat("read_map_reduce(): expected an array such as ",
                               "'x0[i,d:3]', got '", text, "'."));
  };
  const std::size_t open = text.find('[');
  if (open == std::string_view::npos || !text.ends_with(']')) fail();
  ArraySpec array{
      std::string(text.substr(0, open)), PairIndex::none, {}, is_wide};
  std::istringstream parts(
      std::string(text.substr(open + 1, text.size() - open - 2)));
  for (std::string part; std::getline(parts, part, ',');) {
    if (part == "i" || part == "j") {
      array.pair = part == "i" ? PairIndex::i : PairIndex::j;
      continue;
    }
    const std::size_t colon = part.find(':');
    if (colon == std::string::npos) fail();
    Axis axis{part.substr(0, part.find_first_of("':")), 0, 0};
    axis.primes = static_cast<int>(colon - axis.name.size());
    const char* const end = part.data() + part.size();
    const auto read =
        std::from_chars(part.data() + colon + 1, end, axis.extent);
    if (read.ec != std::errc() || read.ptr != end) fail();
    names.extents[axis.name] = axis.extent;
    array.features.push_back(axis);
  }
  return array;
}

/// Reads `sum_j(value)` or `log_sum_exp_j(value | bound)`.
Output read_output(ExprPool& pool, const ArraySpec& array,
                   std::string_view text, const Names& names) {
  for (const ReductionRow& row : reduction_table()) {
    const std::string start = reduction_name(array, row.reduction) + "(";
    if (!text.starts_with(start) || !text.ends_with(')')) continue;
    const std::string_view inside =
        text.substr(start.size(), text.size() - start.size() - 1);
    const std::size_t bar = inside.find(" | ");
    Output output{array, read_expr(pool, inside.substr(0, bar), names),
                  row.reduction};
    if (bar != std::string_view::npos) {
      output.bound = read_expr(pool, inside.substr(bar + 3), names);
    }
    return output;
  }
  throw ArgumentError(concat(
      "read_map_reduce(): expected '", reduction_name(array, Reduction::sum),
      "(...)' for ", to_text(array), ", got '", text, "'."));
}

}  // namespace

std::map<std::string, Expr, std::less<>> operand_names(
    std::span<const Expr> operands) {
  constexpr std::array<const char*, kMostOperands> kNames = {"a", "b", "c"};
  std::map<std::string, Expr, std::less<>> names;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    names.emplace(kNames.at(k), operands[k]);
  }
  return names;
}

Expr read_expr(ExprPool& pool, std::string_view text, const Names& names) {
  // Derivatives that the engine printed are longer than what a user writes.
  constexpr int kFactor = 20;
  const Source source{std::string(text), "read_expr()", true, false, kFactor};
  return Reader(pool, source, names).read(parse_syntax(source));
}

MapReduce read_map_reduce(std::string_view text) {
  MapReduce result{std::make_shared<ExprPool>(), {}, {}};
  Names names;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("arguments ")) {
      std::istringstream arrays(line.substr(10));
      for (std::string array; arrays >> array;) {
        result.arguments.push_back(read_array(array, names));
      }
      continue;
    }
    if (line.starts_with("axes ")) {
      // As of an array of these axes.
      std::string axes = line.substr(5);
      std::replace(axes.begin(), axes.end(), ' ', ',');
      read_array(concat("axes[", axes, "]"), names);
      continue;
    }
    const std::size_t equals = line.find(" = ");
    if (equals == std::string::npos) {
      throw ArgumentError(
          concat("read_map_reduce(): expected a statement, got '", line, "'."));
    }
    const std::string left = line.substr(0, equals);
    const std::string right = line.substr(equals + 3);
    if (left.find('[') == std::string::npos) {
      names.values[left] = read_expr(*result.pool, right, names);
      continue;
    }
    result.outputs.push_back(
        read_output(*result.pool, read_array(left, names), right, names));
  }
  return result;
}

}  // namespace gramless
