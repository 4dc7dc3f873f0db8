// The two halves of debian.cpp.
#pragma once
#include <unordered_map>

#include "neap/gnn/build.h"
#include "neap/gnn/control.h"
#include "neap/gnn/debian.h"

namespace neap::gnn {

struct DebianEdges {
  Graph graph;
  std::int64_t unknown = 0;  // names that nobody has
};
DebianEdges debian_edges(const std::vector<Stanza>& packages, const std::string& place);

// Fills features, groups and names of features, from the training packages of `data`.
void add_debian_features(GraphData& data, const std::vector<Stanza>& packages, const DebianOptions& options);

// The fields that name other packages, which are the types of edges.
const std::vector<std::string>& debian_relations();

}  // namespace neap::gnn
