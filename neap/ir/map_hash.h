// The identity of a map, for what is made from it.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// Of the map, its schedule and the types of its operands: all that a kernel is made from. How axes are numbered does not count.
Hash map_hash(const Graph& graph, const Node& map);

}  // namespace neap
