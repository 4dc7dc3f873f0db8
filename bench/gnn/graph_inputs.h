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
  EdgeArrays(std::int64_t vertices, std::vector<Array> arrays) : vertices(vertices), edges(arrays[0].count()), arrays(std::move(arrays)) {}
  std::int64_t vertices, edges;
  std::vector<Array> arrays;  // weights, offsets, columns, t_offsets, t_rows, t_order

  std::vector<Var> inputs(Builder& build, Role role) const {
    static constexpr const char* names[] = {"weights", "offsets", "columns", "t_offsets", "t_rows", "t_order"};
    std::vector<Var> made;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const Sizes& sizes = arrays[i].sizes();
      made.push_back(build.input(names[i], {arrays[i].dtype(), Shape(sizes.begin(), sizes.end()), {}}, role));
    }
    return made;
  }
};

}  // namespace neap::bench
