#include "neap/codegen/exchange.h"

#include <fmt/format.h>

namespace neap {
namespace {

constexpr std::int64_t tile_bytes = 32;  // of a tile's row, where vectors are as long

// Rows and columns of a tile.
std::int64_t tile_size(const Emitter& emit, DType dtype) { return std::min<std::int64_t>(emit.width(dtype), tile_bytes / size_of(dtype)); }

// How far apart neighbours along an axis lie; 0 where they are one element, or where that is not known.
Dim step_of(const Type& type, const std::vector<Expr>& index, int axis) {
  return coefficient_of(storage_offset(type, index), axis).value_or(Dim(0));
}

}  // namespace

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

bool exchanges_tiles(const Emitter& emit, const Nest& nest, const Ranges& ranges) {
  if (nest.body.size() != 1 || nest.loops.size() < 2 || nest.block_axis >= 0) return false;
  const Assignment& a = nest.body[0];
  const Loop &rows = nest.loops[nest.loops.size() - 2], &columns = nest.loops.back();
  const bool copies = a.accumulate == Accumulate::none && !a.folded && !a.in_place && a.value->op == Scalar::read &&
                      !has_outside(a.value) && !streams(a) && (a.type.dtype == DType::f32 || a.type.dtype == DType::i32);
  if (!copies || rows.kind == Loop::tile || columns.kind != Loop::vector) return false;
  const Type from = emit.operand_type(a.value->integer);
  const std::vector<Expr> index = index_of(a.value);
  const bool in_memory = emit.vectors(a.base) == 0 && emit.vectors(operand_name(a.value->integer)) == 0;
  if (from.dtype != a.type.dtype || !in_memory || std::any_of(index.begin(), index.end(), has_read)) return false;
  const auto is_whole = [&](const Axis& axis) {
    return axis.ragged == nullptr && ranges.count(axis.id) == 0 && axis.extent.is_constant() && axis.extent.constant() > 0 &&
           axis.extent.constant() % tile_size(emit, from.dtype) == 0;
  };
  if (!is_whole(rows.axis) || !is_whole(columns.axis)) return false;
  const Dim across = step_of(from, index, columns.axis.id), down = step_of(a.type, a.index, rows.axis.id);
  return step_of(from, index, rows.axis.id) == Dim(1) && step_of(a.type, a.index, columns.axis.id) == Dim(1) && !(across == Dim(0)) &&
         !(across == Dim(1)) && !(down == Dim(0));
}

void write_tiles(Emitter& emit, LoopLevel& here, const Nest& nest) {
  const Assignment& a = nest.body[0];
  const Loop &rows = nest.loops[nest.loops.size() - 2], &columns = nest.loops.back();
  const std::int64_t size = tile_size(emit, a.type.dtype);
  const auto open = [&](LoopLevel& around, const Axis& axis) {
    auto level =
        around.inner(fmt::format("for (i64 {0} = 0l; {0} < {1}; {0} += {2}) {{\n", axis_name(axis.id), emit.dim(axis.extent), size));
    level->axes.insert(axis.id);
    level->lanes = {};
    return level;
  };
  const auto outer = open(here, rows.axis);
  const auto inner = open(*outer, columns.axis);
  const Type from = emit.operand_type(a.value->integer);
  const std::vector<Expr> index = index_of(a.value);
  const auto corner = [&](const std::string& base, const Type& type, const std::vector<Expr>& at, int axis) {
    const Emitter::Place place = emit.place(*inner, base, type, at, 0, false);
    return fmt::format("{} + {}, {}", place.pointer, place.offset.empty() ? "0l" : place.offset, emit.dim(step_of(type, at, axis)));
  };
  inner->text += fmt::format("exchange_tile({}, {});\n", corner(a.base, a.type, a.index, rows.axis.id),
                             corner(operand_name(a.value->integer), from, index, columns.axis.id));
  outer->text += inner->close();
  here.text += outer->close();
}

}  // namespace neap
