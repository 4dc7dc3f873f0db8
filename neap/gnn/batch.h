// Several graphs as one (a block-diagonal adjacency), and clusters of one graph.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "neap/gnn/graph_data.h"

namespace neap::gnn {

struct GraphBatch {
  Graph graph;
  Array offsets;  // i64 [graphs + 1]: the vertices of graph i are offsets[i] .. offsets[i + 1] - 1: rows of a segment reduction
};
// Error naming the graph whose names of types or edge features (or their sizes and dtypes) are others than those of the first.
GraphBatch block_diagonal(std::span<const Graph> graphs);
std::vector<Graph> separated(const GraphBatch& batch);

// Cluster-GCN (Chiang et al. 2019): parts by METIS, made once; a batch is the subgraph of `parts_a_batch` of them, drawn anew each epoch.
class ClusterBatches {
 public:
  ClusterBatches(std::shared_ptr<const GraphData> data, std::int64_t parts, std::int64_t parts_a_batch, std::uint64_t seed);
  std::int64_t batches() const;
  const std::vector<std::vector<VertexId>>& parts() const { return members_; }   // ascending each
  std::vector<VertexId> vertices(std::int64_t epoch, std::int64_t batch) const;  // ascending
  GraphData batch(std::int64_t epoch, std::int64_t batch) const;  // the induced subgraph with its features, labels and parts of the split

 private:
  std::shared_ptr<const GraphData> data_;
  std::vector<std::vector<VertexId>> members_;
  std::int64_t parts_a_batch_;
  std::uint64_t seed_;
};

// The vertices in this order and the edges among them, with features, labels, names and the split.
GraphData induced(const GraphData& data, std::span<const VertexId> vertices);

}  // namespace neap::gnn
