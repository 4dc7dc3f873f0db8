// Several graphs as one (a block-diagonal adjacency), clusters of one graph, and the loader that prepares samples ahead of training.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "neap/data/loader.h"
#include "neap/gnn/graph_data.h"
#include "neap/gnn/sample.h"

namespace neap::gnn {

struct GraphBatch {
  Graph graph;
  Array offsets;  // i64 [graphs + 1]: the vertices of graph i are offsets[i] .. offsets[i + 1] - 1: rows of a segment reduction
};
// Error naming the graph whose names of types or edge features (or their sizes and dtypes) are others than those of the first.
GraphBatch block_diagonal(std::span<const Graph> graphs);
std::vector<Graph> separated(const GraphBatch& batch);

// What a step trains on: a sample with the features of its vertices and the labels of its seeds.
struct SampleBatch {
  Sample sample;
  Array dense;        // [vertices of the sample, F], or
  SparseRows sparse;  // [vertices of the sample, F]
  Array labels;       // i64 [seeds]; without elements where the data have none
  std::int64_t epoch = 0, number = 0;
};

// Batches of the vertices `seeds` (training, say), each sampled, with its features gathered, by the loader's thread.
class SampleLoader {
 public:
  // Error on the loader's options, and on a seed that does not exist.
  SampleLoader(std::shared_ptr<const GraphData> data, const Array& seeds, SampleVertices sampler, const LoaderOptions& options);
  std::int64_t batches() const { return loader_.batches(); }
  const Loader& loader() const { return loader_; }  // its batches hold the arrays of SampleBatch one after the other: see sample_batch

 private:
  Loader loader_;
};
SampleBatch sample_batch(const Batch& batch);

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
