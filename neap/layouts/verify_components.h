// What is known of a graph from outside only when its constants are looked at: whether matrices that are stored in them are matrices.
#pragma once
#include "neap/ir/graph.h"

namespace neap {

// Error, naming the node and the constant, where a layout's operator takes components from constants that its `check` refuses (places out
// of range, unsorted, twice, ...): kernels and transformations take them for what the layout packs. The graph's calls are verified
// (runtime/verify_calls.h). Of matrices whose values are given or made when the graph runs, the places are looked at.
void verify_components(const Graph& graph);

}  // namespace neap
