#include "neap/codegen/exchange.h"

#include <fmt/format.h>

namespace neap {

std::optional<Exchange> exchange_of(const Emitter& emit, const Nest& nest) {
  if (nest.body.size() != 1) return std::nullopt;
  const Assignment& a = nest.body[0];
  const bool copies = a.accumulate == Accumulate::none && !a.folded && a.value->op == Scalar::read && a.value->integer < 0 &&
                      is_buffer(a.base) && !has_outside(a.value);
  if (!copies) return std::nullopt;
  const Type from = emit.operand_type(a.value->integer);
  const std::vector<Expr> at = index_of(a.value);
  const auto is_axis = [](const Expr& index) { return index->op == Scalar::axis; };
  if (from.dtype != a.type.dtype || from.rank() != 2 || a.type.rank() != 2 || at.size() != 2 || !std::all_of(at.begin(), at.end(), is_axis))
    return std::nullopt;
  const bool whole = same(at[0], a.index[1]) && same(at[1], a.index[0]) && !same(at[0], at[1]) && from.shape[0] == a.type.shape[1] &&
                     from.shape[1] == a.type.shape[0] && from.shape[0].is_constant() && from.shape[1].is_constant() &&
                     emit.axes().at(static_cast<int>(at[0]->integer)).extent == from.shape[0] &&
                     emit.axes().at(static_cast<int>(at[1]->integer)).extent == from.shape[1];
  return whole ? std::optional(
                     Exchange{a.base, operand_name(a.value->integer), from.shape[0].constant(), element_count(from.shape).constant()})
               : std::nullopt;
}

std::string exchange_text(const Emitter& emit, const Exchange& exchange) {
  std::string from, text;
  for (std::int64_t k = 0; k < emit.vectors(exchange.from); ++k) from += fmt::format("{}{}_{}", k > 0 ? ", " : "", exchange.from, k);
  for (std::int64_t k = 0; k < emit.vectors(exchange.to); ++k)
    text += fmt::format("{}_{} = exchanged<{}, {}>({});\n", exchange.to, k, exchange.rows, k, from);
  return text;
}

}  // namespace neap
