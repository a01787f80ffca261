// SPDX-License-Identifier: MIT
// Implements logarithms of kernels.
#include "gramless/transform/logarithm.h"

#include <algorithm>
#include <cmath>

#include "gramless/error.h"
#include "gramless/ir/reader.h"

namespace gramless {
namespace {

/// Returns log f, or log|f| unless `is_odd`.
Expr logarithm(Expr f, bool is_odd) {
  ExprPool& pool = *f->pool;
  const auto log = [&](Expr a) {
    return pool.apply(Function::log, is_odd ? a : pool.apply(Function::abs, a));
  };
  switch (f->kind) {
    case NodeKind::multiply: {
      std::vector<Expr> sum;
      for (const Expr& factor : f->operands) {
        sum.push_back(logarithm(factor, is_odd));
      }
      return pool.add(sum);
    }
    case NodeKind::power:
    case NodeKind::power0: {
      const bool is_even = std::fmod(f->value, 2) == 0;
      return pool.constant(f->value) *
             logarithm(f->operands[0], is_odd && !is_even);
    }
    case NodeKind::function: {
      const FunctionRow& row = row_of(f->function);
      if (row.exponent.empty()) return log(f);
      Names names;
      names.values = operand_names(f->operands);
      if (!row.logarithm.empty()) {
        return read_expr(pool, row.logarithm, names);
      }
      return read_expr(pool, row.exponent, names) +
             logarithm(read_expr(pool, row.factor, names), true);
    }
    case NodeKind::add: {
      const Expr first = f->operands[0];
      const bool is_one_plus = first->is_constant() && first->value == 1;
      if (!is_one_plus) return log(f);
      const Expr rest = pool.add({f->operands.begin() + 1, f->operands.end()});
      const Expr mirrored = pool.constant(-2) - rest;
      return pool.apply(
          Function::log1p,
          is_odd ? rest : pool.apply(Function::select, {f, rest, mirrored}));
    }
    case NodeKind::constant:
    case NodeKind::load:
    case NodeKind::at:
    case NodeKind::sum:
      return log(f);
  }
  throw InternalError("logarithm(): unknown kind of node.");
}

}  // namespace

Expr logarithm(Expr k) { return logarithm(k, true); }

bool is_exponential(Expr expr) {
  switch (expr->kind) {
    case NodeKind::constant:
      return expr->value != 0;
    case NodeKind::multiply:
      return std::all_of(expr->operands.begin(), expr->operands.end(),
                         is_exponential);
    case NodeKind::power:
    case NodeKind::power0:
      return is_exponential(expr->operands[0]);
    case NodeKind::function:
      return !row_of(expr->function).exponent.empty();
    case NodeKind::load:
    case NodeKind::at:
    case NodeKind::add:
    case NodeKind::sum:
      return false;
  }
  throw InternalError("is_exponential(): unknown kind of node.");
}

bool has_zeros(Expr expr) {
  if (is_exponential(expr)) return false;
  switch (expr->kind) {
    case NodeKind::multiply:
      return std::any_of(expr->operands.begin(), expr->operands.end(),
                         has_zeros);
    case NodeKind::power:
    case NodeKind::power0:
      return expr->value >= 1 && has_zeros(expr->operands[0]);
    case NodeKind::constant:
    case NodeKind::function:
    case NodeKind::load:
    case NodeKind::at:
    case NodeKind::add:
    case NodeKind::sum:
      return true;
  }
  throw InternalError("has_zeros(): unknown kind of node.");
}

}  // namespace gramless
