#include "neap/codegen/gathered_rows.h"

#include <algorithm>
#include <map>
#include <set>

#include "neap/codegen/access.h"
#include "neap/ir/map_walk.h"

namespace neap {

const Expr::Node* list_read(const Expr& index, const Axis& axis) {
  const Expr& e = index->op == Scalar::cast ? index->args[0] : index;
  const bool plain = e->op == Scalar::read && e->integer >= 0 && e->args.size() == 1 && e->rank == 1 && e->args[0]->op == Scalar::axis &&
                     e->args[0]->integer == axis.id;
  return plain ? e.node().get() : nullptr;
}

std::vector<GatheredRows> gathered_rows(const std::vector<Stage>& stages, const Axis& axis,
                                        const std::function<Type(std::int64_t)>& type_of) {
  std::vector<GatheredRows> found;
  const auto look = [&](const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0 || has_outside(e) || e->rank < 1) return;
    const Expr::Node* list = list_read(e->args[0], axis);
    if (list == nullptr) return;
    const Type type = type_of(e->integer);
    if (!type.layout.row_major() || !(type_of(list->integer).shape[0] == axis.extent)) return;
    if (std::any_of(e->args.begin() + 1, e->args.end(), has_read)) return;
    const Dim elements = element_count(Shape(type.shape.begin() + 1, type.shape.end()));
    if (!elements.is_constant()) return;
    const bool known = std::any_of(found.begin(), found.end(), [&](const GatheredRows& other) {
      return other.table == e->integer && other.list->integer == list->integer;
    });
    if (!known) found.push_back({list, e->integer, elements.constant() * size_of(type.dtype)});
  };
  for (const Stage& stage : stages) visit(stage.value, look);
  return found;
}

int slice_axis(const Map& map) {
  const auto accumulates = [](const Stage& stage) { return stage.accumulate != Accumulate::none; };
  if (is_scope(map) || std::any_of(map.stages.begin(), map.stages.end(), accumulates)) return -1;
  const std::map<int, Axis> axes = axes_by_id(map);
  const auto of_entries = [&](int id) { return axes.at(id).ragged != nullptr; };
  std::set<int> slices;
  visit_map(map, [&](const Expr& e) {
    if (e->op != Scalar::read || e->integer < 0) return;
    std::set<int> ahead;
    for (int i = 0; i < e->rank; ++i) {
      const Expr& index = e->args[static_cast<std::size_t>(i)];
      if (has_read(index)) {
        const std::set<int> used = free_axes(index);
        if (std::any_of(used.begin(), used.end(), of_entries)) slices.merge(ahead);
        return;
      }
      if (index->op != Scalar::axis) return;
      ahead.insert(static_cast<int>(index->integer));
    }
  });
  const auto is_own = [&](const Axis& axis) { return slices.size() == 1 && axis.ragged == nullptr && axis.id == *slices.begin(); };
  return std::any_of(map.axes.begin(), map.axes.end(), is_own) ? *slices.begin() : -1;
}

std::int64_t heaviest_list(const std::vector<GatheredRows>& rows) {
  std::map<std::int64_t, std::int64_t> bytes;
  for (const GatheredRows& row : rows) bytes[row.list->integer] += row.bytes;
  const auto most = std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? -1 : most->first;
}

}  // namespace neap
