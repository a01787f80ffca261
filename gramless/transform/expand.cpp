// SPDX-License-Identifier: MIT
// Applies the expansions of the operator table.
#include "gramless/transform/expand.h"

#include "gramless/ir/reader.h"

namespace gramless {
namespace {

Expr expand_node(ExprPool& pool, Expr expr) {
  if (expr->kind != NodeKind::function) return expr;
  const std::string_view expansion = row_of(expr->function).expansion;
  if (expansion.empty()) return expr;
  Names names;
  names.values = operand_names(expr->operands);
  return read_expr(pool, expansion, names);
}

}  // namespace

MapReduce expand(const MapReduce& map_reduce) {
  return rebuild(map_reduce, expand_node);
}

}  // namespace gramless
