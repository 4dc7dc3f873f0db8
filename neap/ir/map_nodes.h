// As visit_map, for walks that are made often.
#pragma once
#include "neap/ir/by_node.h"
#include "neap/ir/graph.h"

namespace neap {

// Every distinct node of every expression of a map.
template <class F>
void visit_map_nodes(const Map& map, const F& f) {
  const auto bounds = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
      if (axis.ragged == nullptr) continue;
      visit_nodes(axis.ragged->first, f);
      visit_nodes(axis.ragged->second, f);
    }
  };
  bounds(map.axes);
  for (const Stage& stage : map.stages) {
    bounds(stage.axes);
    for (const Expr& index : stage.index) visit_nodes(index, f);
    visit_nodes(stage.value, f);
  }
}

inline bool sums_products(const Map& map) {
  bool found = false;
  visit_map_nodes(map, [&](const Expr& e) { found |= e->op == Scalar::reduce && e->args[0]->op == Scalar::mul; });
  return found;
}

}  // namespace neap
