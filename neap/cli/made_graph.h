// What `neap data NAME` does with a graph that it made.
#pragma once
#include "neap/cli/data_source.h"
#include "neap/gnn/graph_data.h"

namespace neap {

// Error where the graph would go nowhere, for before it is made.
void check_has_place(const SourceArguments& given, const std::string& name);
// Saves it, and says what it is. An ExitCode.
int finish_graph(const SourceArguments& given, const gnn::GraphData& data);

}  // namespace neap
