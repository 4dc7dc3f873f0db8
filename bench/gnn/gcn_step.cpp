#include "bench/gnn/gcn_step.h"

#include <cmath>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "neap/autodiff/gradient.h"

namespace neap::bench {
namespace {

constexpr double rate = 0.1;

// In the order in which graph_of declares them.
std::vector<Array> inputs_of(const EdgeArrays& edges, const Array& features, const Array& labels, const GcnShape& shape) {
  std::vector<Array> inputs{features};
  inputs.insert(inputs.end(), edges.arrays.begin(), edges.arrays.end());
  inputs.push_back(labels);
  for (int layer = 0; layer < shape.layers; ++layer) {
    const std::int64_t in = layer == 0 ? shape.features : shape.hidden, out = layer + 1 == shape.layers ? shape.classes : shape.hidden;
    const double largest = 1 / std::sqrt(static_cast<double>(in));
    inputs.push_back(random_array({in, out}, 1, -largest, largest));
    inputs.push_back(random_array({out}, 1, 0, 0));
  }
  return inputs;
}

constexpr double seconds_of_tuning = 240;

Graph optimized(const Graph& graph, const std::vector<Array>& inputs, Order order, std::int64_t plan) {
  Optimizer optimizer(graph);
  OptimizeOptions options;
  if (order == Order::measured) options.tune = TuneOptions{.seconds = seconds_of_tuning, .inputs = inputs};
  for (RecipeLine& line : options.recipe) {
    if (line.transformation != "order_products") continue;
    line.parameters["order"] = order == Order::transform_first ? 1 : order == Order::aggregate_first ? 2 : 0;
    line.parameters["plan"] = plan;
  }
  optimizer.optimize(options);
  return optimizer.graph();
}

}  // namespace

Graph GcnStep::graph_of(const EdgeArrays& edges, const GcnShape& shape, Role features) {
  Graph graph;
  Builder build(graph);
  Var h = build.input("x", {DType::f32, {edges.vertices, shape.features}, {}}, features);
  const std::vector<Var> e = edges.inputs(build, Role::fixed);
  const Var labels = build.input("labels", {DType::i64, {edges.vertices}, {}});
  for (int layer = 0; layer < shape.layers; ++layer) {
    const bool last = layer + 1 == shape.layers;
    const std::int64_t out = last ? shape.classes : shape.hidden;
    const Var w = build.input(fmt::format("w{}", layer), {DType::f32, {h.size(1), out}, {}}, Role::parameter);
    const Var b = build.input(fmt::format("b{}", layer), {DType::f32, {out}, {}}, Role::parameter);
    h = build.call("spmm", {matmul(h, w), e[0], e[1], e[2], e[3], e[4], e[5]}) + b;
    if (!last) h = unary("relu", h);
  }
  graph.add_output(build.call("cross_entropy", {h, labels}).id(), "loss");
  Graph step = gradient(graph, {.loss = "loss"});
  Builder update(step);
  const std::vector<Output> outputs = step.outputs;
  step.outputs = {outputs[0]};
  for (const Output& output : outputs) {
    const auto input =
        std::find_if(step.inputs.begin(), step.inputs.end(), [&](const Input& i) { return "grad/" + i.name == output.name; });
    if (input == step.inputs.end()) continue;
    const Var next = update.wrap(input->value) - update.wrap(output.value) * rate;
    step.add_output(next.id(), "next/" + input->name, static_cast<int>(input - step.inputs.begin()));
  }
  return step;
}

GcnStep::GcnStep(const EdgeArrays& edges, const Array& features, const Array& labels, const GcnShape& shape, Order order, std::int64_t plan)
    : inputs_(inputs_of(edges, features, labels, shape)),
      executable_(generated(optimized(graph_of(edges, shape, order == Order::kept ? Role::fixed : Role::input), inputs_, order, plan))) {}

GcnStep::GcnStep(const Graph& program, std::vector<Array> inputs) : inputs_(std::move(inputs)), executable_(generated(program)) {}

GcnStep GcnStep::again() const { return {graph(), inputs_}; }

double GcnStep::run() { return executable_.run(inputs_)[0].get(0); }

}  // namespace neap::bench
