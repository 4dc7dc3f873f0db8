// A graph of thousands of nodes, to measure passes by.
#pragma once
#include "neap/ops/builder.h"

namespace neap {

// Residual blocks of elementwise operators with a reduction now and then; `nodes` of them or a few more.
inline Graph large_graph(int nodes) {
  Graph graph;
  Builder build(graph);
  Var x = build.input("x", {DType::f32, {Dim::symbol("N"), 64}, {}});
  const Var scale = build.input("scale", {DType::f32, {64}, {}}, Role::parameter);
  while (static_cast<int>(graph.nodes().size()) < nodes) {
    const Var branch = tanh(x * scale) + 1.0;
    const Var centre = mean(branch, {1}, true);
    x = x + sigmoid(branch - centre) * 0.5;
  }
  graph.add_output(x.id(), "y");
  return graph;
}

}  // namespace neap
