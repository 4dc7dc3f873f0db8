// A graph as text for people: sizes, types, degrees, the largest vertices and what is around one.
#pragma once
#include <string>

#include "neap/gnn/graph_data.h"

namespace neap::gnn {

// A line for each power of two: how many vertices have so many edges into them and out of them, with bars.
std::string degrees_text(const Graph& graph);
// Sizes, edges by type, classes, degrees, and the vertices that most edges go to.
std::string graph_text(const GraphData& data);

}  // namespace neap::gnn
