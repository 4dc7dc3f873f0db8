// Parts of a graph of about the same size with few edges between them.
#pragma once
#include "neap/gnn/graph.h"

namespace neap::gnn {

struct Partition {
  std::int64_t parts = 0;
  Array part_of;         // i32 [vertices]
  std::int64_t cut = 0;  // pairs of neighbours in different parts
};

// By METIS (Karypis & Kumar 1998, k-way). Directions, duplicates and self loops do not matter. Error unless 1 <= parts <= vertices (or both
// are 0), and beyond 2^31 neighbours.
Partition partition(const Graph& graph, std::int64_t parts, std::uint64_t seed = 0);

// Both directions of every edge, each once, without self loops; columns ascend.
Csr neighbours(const Graph& graph);

// The vertices of each part, ascending.
std::vector<std::vector<VertexId>> members(const Partition& partition);

}  // namespace neap::gnn
