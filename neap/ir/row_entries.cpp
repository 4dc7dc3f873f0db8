#include "neap/ir/row_entries.h"

namespace neap {
namespace {

const Axis* axis_of(const Map& map, const Stage& stage, int id) {
  for (const std::vector<Axis>* axes : {&stage.axes, &map.axes}) {
    for (const Axis& axis : *axes) {
      if (axis.id == id) return &axis;
    }
  }
  return nullptr;
}

// The operand that a bound is read from; -1 if it is not from the data.
std::int64_t read_from(const Expr& bound) {
  std::int64_t operand = -1;
  visit(bound, [&](const Expr& e) {
    if (e->op == Scalar::read) operand = e->integer;
  });
  return operand;
}

}  // namespace

std::vector<RowEntries> entries_written(const Map& map) {
  std::vector<RowEntries> found;
  for (const Stage& stage : map.stages) {
    if (stage.target < 0 || stage.accumulate != Accumulate::none) continue;
    for (const Expr& index : stage.index) {
      if (index->op != Scalar::axis) continue;
      const Axis* entry = axis_of(map, stage, static_cast<int>(index->integer));
      if (entry == nullptr || entry->ragged == nullptr) continue;
      const Expr &first = entry->ragged->first, &end = entry->ragged->second;
      const std::int64_t offsets = read_from(first);
      if (offsets < 0) continue;
      for (const Axis& row : map.axes) {
        if (row.ragged != nullptr || !uses_axis(first, row.id)) continue;
        if (!same(substitute_axes(first, {{row.id, axis_position(row) + Expr(1)}}), end)) continue;
        found.push_back(
            {substitute_axes(first, {{row.id, Expr(0)}}), substitute_axes(first, {{row.id, Expr(row.extent)}}), entry->extent, offsets});
      }
    }
  }
  return found;
}

}  // namespace neap
