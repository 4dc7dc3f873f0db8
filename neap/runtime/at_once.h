// Runs a graph without a compiler: library calls directly, everything else from its definition.
#pragma once
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// Inputs in the graph's order, results in the order of its outputs, all row-major (layouts of the graph's values say how a compiled program
// stores them; they change no result). Outputs that update an input are new arrays: the inputs are never written. Errors name the node.
std::vector<Array> run_at_once(const Graph& graph, const std::vector<Array>& inputs);

}  // namespace neap
