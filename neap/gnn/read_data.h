// A graph with what is learnt on it, from whatever of it lies in files.
#pragma once
#include <filesystem>

#include "neap/gnn/graph_data.h"

namespace neap::gnn {

// Tables of the vertices beside a file that holds edges alone (vertex_tables.h). Plain or gzip; empty: there is none.
struct VertexFiles {
  std::filesystem::path features, labels;
};

// A folder that save_graph_data wrote, an OGB folder (read_ogb.h), or a file of a graph (read.h), of whose vertex features "labels" are the
// labels, and "attr_" (sparse) or "features" (dense) the features. What is read from files of others has `about` its source and the day.
GraphData open_graph_data(const std::filesystem::path& path, const VertexFiles& files = {});

}  // namespace neap::gnn
