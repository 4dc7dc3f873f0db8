#include "neap/transform/map_accesses.h"

#include <algorithm>

#include "neap/ir/map_nodes.h"

namespace neap {

MapAccesses::MapAccesses(const Node& node) {
  const auto note = [&](const std::vector<Axis>& axes) {
    for (const Axis& axis : axes) {
      if (axis.ragged == nullptr && extent(axis.id) == nullptr) extents_.emplace_back(axis.id, axis.extent);
    }
  };
  note(node.map->axes);
  for (const Stage& stage : node.map->stages) {
    if (stage.target >= 0) all_.push_back({node.outputs[static_cast<std::size_t>(stage.target)], stage.index, true});
  }
  visit_map_nodes(*node.map, [&](const Expr& e) {
    note(e->axes);
    if (e->op != Scalar::read || e->integer < 0) return;
    const auto rank = static_cast<std::size_t>(e->rank);
    all_.push_back({node.inputs[static_cast<std::size_t>(e->integer)], {e->args.data(), rank}, false});
  });
  std::stable_sort(all_.begin(), all_.end(), [](const MapAccess& a, const MapAccess& b) { return a.value < b.value; });
}

std::span<const MapAccess> MapAccesses::of(ValueId value) const {
  const auto before = [](const MapAccess& touch, ValueId id) { return touch.value < id; };
  const auto first = std::lower_bound(all_.begin(), all_.end(), value, before);
  return {first, std::lower_bound(first, all_.end(), value + 1, before)};
}

const Dim* MapAccesses::extent(int axis) const {
  const auto found = std::find_if(extents_.begin(), extents_.end(), [&](const auto& known) { return known.first == axis; });
  return found == extents_.end() ? nullptr : &found->second;
}

bool MapAccesses::aligned(ValueId value, int dim, int axis) const {
  const std::span<const MapAccess> touches = of(value);
  return std::all_of(touches.begin(), touches.end(), [&](const MapAccess& touch) {
    const Expr& index = touch.index[static_cast<std::size_t>(dim)];
    return index->op == Scalar::axis && index->integer == axis;
  });
}

}  // namespace neap
