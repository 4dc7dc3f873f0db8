// Degrees, and the weights of edges that normalise an aggregation.
#pragma once
#include "neap/gnn/graph.h"

namespace neap::gnn {

// [vertices], i64: edges into, and out of, each vertex.
Array in_degrees(const Graph& graph);
Array out_degrees(const Graph& graph);

// Where d(v) is the sum of the weights of the edges into v (each 1 where none are given), and an edge goes from s to t with the weight w:
enum class Normalization : std::uint8_t {
  symmetric,  // w / sqrt(d(s) d(t)): GCN, Kipf & Welling 2017, eq. 2; self loops are the builder's to add
  both_ends,  // w / sqrt(o(s) d(t)), o the sum over the edges out of s: the same for graphs with a direction
  row         // w / d(t): the mean over the edges into t
};

// One weight for each edge, [edges], of a floating-point dtype. A degree of 0 or less gives 0, never NaN or infinity. Computed in f64.
// `weights`: [edges], any dtype. Error on weights that are not finite, naming the edge.
Array normalized_weights(const Graph& graph, Normalization kind, DType dtype = DType::f32, const Array& weights = {});

}  // namespace neap::gnn
