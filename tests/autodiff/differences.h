// Gradients against central differences, in f64; of first and of second order.
#pragma once
#include "neap/autodiff/gradient.h"
#include "tests/ops/calls.h"

namespace neap::testing {

using Write = std::function<std::vector<Var>(Builder&, const std::vector<Var>&)>;

// One number of all of a graph's outputs: each element times a weight of its own.
inline Var weighted_sum(Builder& build, const std::vector<Var>& values) {
  Var total;
  unsigned seed = 100;
  for (const Var& value : values) {
    if (!value || !is_float(value.dtype())) continue;
    Sizes sizes;
    for (const Dim& size : value.shape()) sizes.push_back(size.constant());
    const Var part = sum(value * build.constant(random(sizes, ++seed, value.dtype())), {});
    total = total ? total + part : part;
  }
  return total;
}

inline Graph graph_of(const std::vector<Array>& inputs, const Write& write) {
  Graph graph;
  Builder build(graph);
  std::vector<Var> vars;
  for (const Array& input : inputs) {
    vars.push_back(build.input(fmt::format("x{}", vars.size()), {input.dtype(), Shape(input.sizes().begin(), input.sizes().end()), {}}));
  }
  graph.add_output(weighted_sum(build, write(build, vars)).id(), "loss");
  return graph;
}

// The graph whose loss is a weighted sum of another's gradients.
inline Graph gradient_as_loss(const Graph& graph, const std::vector<std::string>& names) {
  Graph made = gradient(graph, {.loss = "loss", .with_respect_to = names, .hooks = {}});
  Builder build(made);
  std::vector<Var> gradients;
  for (const Output& output : made.outputs) {
    if (output.name != "loss") gradients.push_back(build.wrap(output.value));
  }
  made.outputs.clear();
  made.add_output(weighted_sum(build, gradients).id(), "loss");
  return made;
}

inline void expect_gradients(const Graph& graph, const std::vector<Array>& inputs, const std::vector<std::string>& names,
                             double tolerance) {
  Graph with = gradient(graph, {.loss = "loss", .with_respect_to = names, .hooks = {}});
  const std::vector<Array> got = interpret(with, inputs);
  std::size_t output = 1;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (!is_float(inputs[k].dtype())) continue;
    const Array& gradient = got[output++];
    for (std::int64_t i = 0; i < inputs[k].count(); ++i) {
      const double step = 1e-5;
      std::vector<Array> moved = inputs;
      moved[k] = inputs[k].clone();
      moved[k].set(i, inputs[k].get(i) + step);
      const double above = interpret(graph, moved)[0].get(0);
      moved[k].set(i, inputs[k].get(i) - step);
      const double below = interpret(graph, moved)[0].get(0);
      const double wanted = (above - below) / (2 * step);
      EXPECT_NEAR(gradient.get(i), wanted, tolerance * (1 + std::abs(wanted))) << "input " << k << ", element " << i;
    }
  }
}

// Of f's weighted outputs with respect to every floating-point input, and (order 2) of a weighted sum of those gradients.
inline void check_gradients(const std::vector<Array>& inputs, const Write& write, int order = 2, double tolerance = 1e-6) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (is_float(inputs[k].dtype())) names.push_back(fmt::format("x{}", k));
  }
  Graph graph = graph_of(inputs, write);
  expect_gradients(graph, inputs, names, tolerance);
  if (order > 1) expect_gradients(gradient_as_loss(graph, names), inputs, names, tolerance * 10);
}

// The same for one call, all of its outputs.
inline void check_call(const std::string& op, const std::vector<Array>& inputs, const Attributes& attributes = {}, int order = 2,
                       double tolerance = 1e-6) {
  SCOPED_TRACE(op);
  check_gradients(
      inputs, [&](Builder& build, const std::vector<Var>& x) { return build.calls(op, x, attributes); }, order, tolerance);
}

}  // namespace neap::testing
