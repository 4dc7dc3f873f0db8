// Training on a graph in steps that see a part of it each: samples of neighbours, or clusters. What a step takes has symbols for sizes, so
// that another sample is no new compile.
#pragma once
#include <memory>
#include <optional>

#include "neap/data/loader.h"
#include "neap/gnn/graph_data.h"
#include "neap/gnn/sample.h"
#include "neap/nn/graph_network.h"
#include "neap/train/step.h"

namespace neap::gnn {

struct VertexBatches {
  DatasetPtr examples;                  // what batches are drawn from: training vertices, or numbers of batches
  std::int64_t batch = 1;               // of them
  bool shuffle = false;                 // otherwise `prepare` draws
  std::vector<StepInput> inputs;        // of a step, in order; the first are the labels of the vertices that count
  std::function<void(Batch&)> prepare;  // makes the arrays of these inputs; its indices become the vertices that count
  std::function<Tensor(GraphNetwork& network, const Tensors& inputs)> logits;  // of the vertices that count
};

// `batch` training vertices a step, sampled for so many layers (sample.h). `weights` [edges], or empty: of the edges, scaled where a row is
// a sample so that its expected sum stays the same, unless the sampler has weighed what it drew. Error unless there are as many training
// vertices, and where a sampler weighs the edges of a network that has no weights.
VertexBatches sampled_batches(std::shared_ptr<const GraphData> data, SampleVertices sampler, std::size_t layers, std::int64_t batch,
                              const Array& weights);

// METIS' `parts`, `parts_a_batch` a step with the edges among them (Cluster-GCN); the training vertices in them count. Error where a part
// has none.
VertexBatches cluster_batches(std::shared_ptr<const GraphData> data, std::int64_t parts, std::int64_t parts_a_batch, std::uint64_t seed);

// An Edges as arrays, in the order in which `edges_at` takes them from a step's inputs: offsets, columns, t_offsets, t_rows, t_order; then
// weights where there are some.
void add_edge_arrays(std::vector<Array>& arrays, const Csr& csr, const Transpose& transposed, const Array& weights);
void add_edge_inputs(std::vector<StepInput>& inputs, const std::string& name, const Dim& rows, const Dim& columns, const Dim& entries,
                     std::optional<DType> weights);
Edges edges_at(const Tensors& inputs, std::size_t& at, bool weighted);

}  // namespace neap::gnn
