// SPDX-License-Identifier: MIT
// Runs the stages, and checks what comes out of each.
#include "fuzz/stages.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "gramless/error.h"
#include "gramless/ir/printer.h"
#include "gramless/ir/reader.h"
#include "gramless/lower/program.h"
#include "gramless/transform/derivative.h"
#include "gramless/transform/expand.h"
#include "gramless/transform/log_domain.h"
#include "gramless/transform/simplify.h"

namespace gramless::testing {
namespace {

/// NaN is read back as one of its many forms.
Expr with_one_nan(ExprPool& pool, Expr expr) {
  const bool is_nan = expr->is_constant() && std::isnan(expr->value);
  return is_nan ? pool.constant(std::numeric_limits<double>::quiet_NaN())
                : expr;
}

/// Returns the text of a map-reduce that is built anew, in a pool where it
/// does not decide the order of terms.
std::string text_in(const std::shared_ptr<ExprPool>& pool,
                    const MapReduce& map_reduce) {
  MapReduce result{pool, map_reduce.arguments, {}};
  std::unordered_map<int, Expr> done;
  for (const Output& output : map_reduce.outputs) {
    const auto rebuilt = [&](Expr expr) {
      return expr ? rebuild(*pool, expr, done, with_one_nan) : expr;
    };
    result.outputs.push_back({output.array, rebuilt(output.value),
                              output.reduction, rebuilt(output.bound)});
  }
  return to_text(result);
}

/// Checks that what was printed is read back as the same, but for the order
/// of terms, which is that of their construction. A printed program may exceed
/// the limits on texts.
void check_reading_back(const MapReduce& map_reduce) {
  const std::string text = to_text(map_reduce);
  MapReduce again;
  try {
    again = read_map_reduce(text);
  } catch (const ArgumentError& error) {
    require_limit(error);
    return;
  }
  verify(again);
  const auto pool = std::make_shared<ExprPool>();
  const std::string is = text_in(pool, again);
  const std::string should = text_in(pool, map_reduce);
  require(is == should, "reads\n" + text + "back as\n" + is + "not\n" + should);
}

/// Runs the stages behind a map-reduce.
void check_stages(const MapReduce& built, const LogDomain& domain) {
  verify(built);
  check_reading_back(built);
  const MapReduce evaluated = apply_log_domain(built, domain);
  verify(evaluated);
  const MapReduce simple = simplify(evaluated);
  verify(simple);
  check_reading_back(simple);
  for (const Program& program : lower(simple)) to_text(program);
  const MapReduce expanded = expand(simple);
  verify(expanded);
  for (const Program& program : lower(expanded)) to_text(program);
}

}  // namespace

Mode draw_mode(Draw& draw, const ParsedKernel& kernel) {
  while (true) {
    const ModeRow& row = mode_table()[draw.below(mode_table().size())];
    if (kernel.is_nonnegative() || !row.needs_logarithm) return row.mode;
  }
}

void check_build(const ParsedKernel& kernel, const Signature& signature) {
  const MapReduce product = build_kernel_product(kernel, signature);
  const bool is_logarithm = row_of(signature.mode).is_logarithm;
  const LogDomain domain{signature.mode != Mode::sum,
                         !is_logarithm || !has_constant_factors(product)};
  check_stages(product, domain);
  std::vector<std::size_t> wrt(product.arguments.size());
  std::iota(wrt.begin(), wrt.end(), std::size_t{0});
  std::vector<std::size_t> cotangents = {0};
  if (is_logarithm) cotangents.push_back(1);
  check_stages(vjp(product, wrt, cotangents), domain);
}

}  // namespace gramless::testing
