// A training step of a GCN: forward, cross entropy, gradients, plain gradient descent.
#pragma once
#include "bench/gnn/graph_inputs.h"
#include "neap/runtime/executable.h"

namespace neap::bench {

struct GcnShape {
  std::int64_t features, hidden, classes;
  int layers;
};

// How a step is optimised: the order of its products as named, by cost, by measuring, or by cost with what fixed features give kept across
// steps. The graph's lists are fixed in all: what is made of them alone (weights in the order by columns) is made once, as peers make their
// formats.
enum class Order : std::uint8_t { transform_first, aggregate_first, by_cost, measured, kept };

class GcnStep {
 public:
  // `plan` (where it is not negative) forces the order of each chain of products (bit i of order_products' plan).
  GcnStep(const EdgeArrays& edges, const Array& features, const Array& labels, const GcnShape& shape, Order order, std::int64_t plan = -1);
  double run();           // one step; gives the loss
  GcnStep again() const;  // the same program, in memory of its own
  const Graph& graph() const { return executable_.graph(); }
  const std::vector<Array>& inputs() const { return inputs_; }  // of the graph, in order

 private:
  static Graph graph_of(const EdgeArrays& edges, const GcnShape& shape, Role features);
  GcnStep(const Graph& program, std::vector<Array> inputs);
  std::vector<Array> inputs_;
  Executable executable_;
};

}  // namespace neap::bench
