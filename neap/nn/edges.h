// The edges of a graph as tensors, and what goes along them: what layers of graph networks are made of. Edges may be placeholders (a graph
// given to each run, its sizes symbols) or values.
#pragma once
#include <vector>

#include "neap/tensor/functions.h"

namespace neap {

// A sparse pattern (see ops/pattern.h): row r, a target, receives from the sources columns[offsets[r]], ... A matrix of sparse features is
// one too: rows of vertices, columns of features, `weights` its values.
struct Edges {
  Tensor offsets, columns;            // [targets + 1], [edges]
  Tensor t_offsets, t_rows, t_order;  // the same by sources, for gradients and out-degrees; empty where neither is asked for
  Tensor weights;                     // [edges], floating-point; empty: each is 1
  Tensor features;                    // [edges, F]; empty: there are none

  Dim targets() const { return offsets.size(0) - Dim(1); }
  const Dim& count() const { return columns.size(0); }
  Edges with_weights(Tensor values) const;
  std::vector<Tensor> pattern() const { return {offsets, columns, t_offsets, t_rows, t_order}; }
};

// What edges bring to a target that has none: 0, by each of them.
enum class Reduce : std::uint8_t { sum, mean, max };

Tensor from_source(const Tensor& x, const Edges& edges);                       // [sources, ...] -> [edges, ...]
Tensor from_target(const Tensor& x, const Edges& edges);                       // [targets, ...] -> [edges, ...]
Tensor aggregate(const Tensor& messages, const Edges& edges, Reduce how);      // [edges, ...] -> [targets, ...]
Tensor collect(const Tensor& messages, const Edges& edges);                    // [edges, ...] -> [sources, ...], summed
Tensor edge_softmax(const Tensor& values, const Edges& edges);                 // over the edges of each target
Tensor propagate(const Tensor& x, const Edges& edges);                         // y[r] = sum over r's edges of weights[e] * x[columns[e]]
Tensor propagate(const Tensor& x, const Edges& edges, Reduce how);             // mean: that divided by the edges; max: of weights[e] * x
Tensor propagate(const Tensor& x, const Edges& edges, const Tensor& weights);  // weights [edges] or [edges, heads], x [sources, heads, ...]
Tensor in_degrees(const Edges& edges, DType dtype);                            // [targets]: how many edges, whatever their weights
Tensor out_degrees(const Edges& edges, DType dtype);                           // [sources]
Tensor per_row(const Tensor& rows, int rank);                                  // [n] as [n, 1, ...], to scale rows of a value of this rank

}  // namespace neap
