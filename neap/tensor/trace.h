// Between recorded tensors and graphs: what was recorded becomes a graph, and a graph's nodes become records again.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "neap/tensor/tensor.h"

namespace neap {

struct TracedInput {
  Tensor tensor;  // a placeholder, or a tensor that the graph takes as given
  std::string name;
  Role role = Role::input;
};
struct TracedOutput {
  Tensor tensor;
  std::string name;
  int updates = -1;  // index into the inputs
};

struct TraceOptions {
  std::string name = "main";
  // Whether tensors that are given (their elements are known, or they were recorded before `capture_before`) become inputs
  // "captured/0", ...; else those with known elements become constants.
  bool capture = false;
  std::uint64_t capture_before = 0;  // see next_sequence
};

struct Traced {
  Graph graph;
  std::vector<Tensor> captured;  // behind the inputs "captured/k", which follow the inputs asked for
};

// The graph that computes `outputs`, its nodes in the order in which they were recorded. Error naming a placeholder that is not an input.
Traced to_graph(const std::vector<TracedInput>& inputs, const std::vector<TracedOutput>& outputs, const TraceOptions& options = {});

// Whether the tensors can be computed: no placeholder stands behind them.
bool computable(const std::vector<Tensor>& tensors);

// Records a graph's nodes on these inputs; gives its outputs.
std::vector<Tensor> record_graph(const Graph& graph, const std::vector<Tensor>& inputs);

}  // namespace neap
