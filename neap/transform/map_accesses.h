// Where a map reads and writes the values of its graph, found by one walk.
#pragma once
#include <span>
#include <utility>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

struct MapAccess {
  ValueId value = no_value;
  std::span<const Expr> index;  // of the map's expressions: one for each dimension
  bool is_write = false;
};

// The node has to stay while this does.
class MapAccesses {
 public:
  explicit MapAccesses(const Node& map_node);

  const std::vector<MapAccess>& all() const { return all_; }  // by value; of each, what is written first
  std::span<const MapAccess> of(ValueId value) const;
  const Dim* extent(int axis) const;  // of a dense axis of the map's own or of its reductions; null where there is none such
  // Whether every touch of a value has that axis as its position in dimension `dim`.
  bool aligned(ValueId value, int dim, int axis) const;

 private:
  std::vector<MapAccess> all_;
  std::vector<std::pair<int, Dim>> extents_;  // by axis id
};

}  // namespace neap
