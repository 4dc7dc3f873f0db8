// Parts of a graph that are enough to compute a few vertices: samples of neighbours, and what a layer reads of them.
// A sample is a function of (seed, epoch, the vertices asked for): the same on every machine and any number of threads.
#pragma once
#include <functional>
#include <span>
#include <vector>

#include "neap/gnn/graph.h"

namespace neap::gnn {

// What one layer reads. Its targets are the first rows.rows, its sources the first rows.columns vertices of the sample; so a target is a
// source of the same number, and a layer finds what its targets were before.
struct Block {
  Csr rows;       // row t: the sources of the messages to target t
  Array edges;    // [entries]: which edge of the graph each is; i32, or i64 beyond 2^31 edges
  Array weights;  // f32 [entries], of layer-wise samples (below); without elements otherwise
};

struct Sample {
  std::int64_t seeds = 0;     // the first vertices: those that were asked for
  Array vertices;             // i32: of the graph, each once
  std::vector<Block> blocks;  // in the order of the layers: the first reads features, the targets of the last are the seeds
};

// Gives a sample for these vertices in an epoch. May be called by several threads.
using SampleVertices = std::function<Sample(std::span<const VertexId> seeds, std::int64_t epoch)>;

// fan_outs[l] neighbours at most of each target of layer l (-1: all), drawn without replacement from the edges into it, in their order
// (Hamilton et al. 2017). The draw for a vertex is the same in whatever batch it is. Error on a seed that does not exist or is there twice,
// and on fan-outs below -1.
Sample sample_neighbours(const Graph& graph, std::span<const VertexId> seeds, std::span<const std::int64_t> fan_outs, std::uint64_t seed,
                         std::int64_t epoch);
SampleVertices neighbour_sampler(const Graph& graph, std::vector<std::int64_t> fan_outs, std::uint64_t seed);

// For layer l, sizes[l] vertices for all targets together, besides these, drawn without replacement by the sum of the squares of their
// weights (Zou et al. 2019, LADIES). All edges between what was drawn and the targets are kept; their weights are divided by the chance of
// their source, and scaled so that each row sums to what all edges into its target sum to. `weights`: [edges]; without elements: all 1.
Sample sample_layers(const Graph& graph, std::span<const VertexId> seeds, std::span<const std::int64_t> sizes, const Array& weights,
                     std::uint64_t seed, std::int64_t epoch);
SampleVertices layer_sampler(const Graph& graph, std::vector<std::int64_t> sizes, const Array& weights, std::uint64_t seed);

}  // namespace neap::gnn
