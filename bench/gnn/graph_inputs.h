// Graphs for the topics, as the operands of a call.
#pragma once
#include "neap/gnn/generate.h"
#include "neap/gnn/normalize.h"
#include "neap/ops/builder.h"

namespace neap::bench {

// A graph with GCN's weights, each list as a graph's input and its elements, in the order of `spmm`'s operands after x.
struct EdgeArrays {
  explicit EdgeArrays(const gnn::Graph& graph)
      : vertices(graph.vertices()),
        edges(graph.edges()),
        arrays{gnn::normalized_weights(graph, gnn::Normalization::symmetric),
               graph.incoming().offsets,
               graph.incoming().indices,
               graph.outgoing().csr.offsets,
               graph.outgoing().csr.indices,
               graph.outgoing().entries} {}
  std::int64_t vertices, edges;
  std::vector<Array> arrays;  // weights, offsets, columns, t_offsets, t_rows, t_order

  std::vector<Var> inputs(Builder& build, Role role) const {
    static constexpr const char* names[] = {"weights", "offsets", "columns", "t_offsets", "t_rows", "t_order"};
    std::vector<Var> made;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      Shape shape;
      for (const std::int64_t size : arrays[i].sizes()) shape.emplace_back(size);
      made.push_back(build.input(names[i], {arrays[i].dtype(), shape, {}}, role));
    }
    return made;
  }
};

// Elements in [-1, 1], the same each time.
inline Array numbered(const Sizes& sizes) {
  Array array(DType::f32, sizes);
  std::uint32_t state = 1;
  for (float& value : array.values<float>()) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8) / (1 << 23) - 1;
  }
  return array;
}

}  // namespace neap::bench
