#include "neap/ir/row_entries.h"

namespace neap {
namespace {

const Expr& uncast(const Expr& e) { return e->op == Scalar::cast ? e->args[0] : e; }

const Axis* axis_of(const Map& map, const Stage& stage, int id) {
  for (const std::vector<Axis>* axes : {&stage.axes, &map.axes}) {
    for (const Axis& axis : *axes) {
      if (axis.id == id) return &axis;
    }
  }
  return nullptr;
}

}  // namespace

RowEntries row_entries(const Axis& axis) {
  if (axis.ragged == nullptr) return {};
  const Expr &begin = uncast(axis.ragged->first), &end = uncast(axis.ragged->second);
  for (const Expr* bound : {&begin, &end}) {
    if ((*bound)->op != Scalar::read || (*bound)->rank != 1 || (*bound)->args.size() != 1) return {};
  }
  if (begin->integer < 0 || begin->integer != end->integer || begin->args[0]->op != Scalar::axis) return {};
  const int row = static_cast<int>(begin->args[0]->integer);
  const Affine behind = affine(end->args[0]);
  if (!behind.affine || behind.coefficients != std::map<int, Dim>{{row, Dim(1)}} || !(behind.rest == Dim(1))) return {};
  return {begin->integer, row};
}

std::vector<WrittenEntries> written_entries(const Map& map) {
  std::vector<WrittenEntries> found;
  for (const Stage& stage : map.stages) {
    if (stage.target < 0 || stage.accumulate != Accumulate::none) continue;
    for (const Expr& index : stage.index) {
      if (index->op != Scalar::axis) continue;
      const Axis* entry = axis_of(map, stage, static_cast<int>(index->integer));
      const RowEntries rows = entry == nullptr ? RowEntries{} : row_entries(*entry);
      const Axis* row = rows.row < 0 ? nullptr : axis_of(map, stage, rows.row);
      if (row == nullptr || row->ragged != nullptr) continue;
      const auto offset = [&](const Expr& at) { return substitute_axes(entry->ragged->first, {{row->id, at}}); };
      found.push_back({offset(0), offset(row->extent), entry->extent, rows.offsets});
    }
  }
  return found;
}

}  // namespace neap
