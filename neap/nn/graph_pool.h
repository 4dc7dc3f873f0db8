// From vertices to graphs: the graphs of a batch stand one behind the other (block-diagonal), graph g holds the vertices offsets[g] to
// offsets[g + 1].
#pragma once
#include "neap/nn/edges.h"

namespace neap {

// [vertices, ...] -> [graphs, ...]; 0 for a graph without vertices.
Tensor pool_graphs(const Tensor& x, const Tensor& offsets, Reduce how);

}  // namespace neap
