// Graphs whose values lie in other layouts run, compiled, to the results of the interpreter.
#include <gtest/gtest.h>

#include <random>

#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/support/cases.h"

namespace neap::layout_test {
namespace {

// A stem of stride 2, a depthwise block with a gate, and a head, as image networks have them.
Graph image_network() {
  Graph graph;
  Builder build(graph);
  const auto parameter = [&](const std::string& name, Shape shape) {
    return build.input(name, {DType::f32, std::move(shape), {}}, Role::parameter);
  };
  const Var x = build.input("x", {DType::f32, {Dim::symbol("N"), 3, 9, 9}, {}});
  const Var stem = build.call("conv", {x, parameter("w0", {8, 3, 3, 3})},
                              {{"strides", std::vector<std::int64_t>{2, 2}}, {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  const Var wide = tanh(build.call("conv", {stem, parameter("w1", {16, 8, 1, 1})}));
  const Var deep = sigmoid(build.call("conv", {wide, parameter("w2", {16, 1, 3, 3})},
                                      {{"groups", std::int64_t{16}}, {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}));
  const Var gate = sigmoid(build.call("conv", {mean(deep, {2, 3}, true), parameter("w3", {16, 16, 1, 1})}));
  const Var narrow = build.call("conv", {deep * gate, parameter("w4", {8, 16, 1, 1}), parameter("b4", {8})}) + stem;
  const Var pooled = mean(narrow, {2, 3});
  graph.add_output(matmul(pooled, parameter("w5", {8, 5})).id(), "y");
  graph.add_output(narrow.id(), "features");
  return graph;
}

TEST(Layouts, AnImageNetworkRunsChannelsLast) {
  const Graph graph = image_network();
  Optimizer optimizer(
      graph,
      CostModel({}, {.copy_bytes_per_second = 10e9, .cache_bytes_per_second = 50e9, .flops_per_second = 100e9, .call_seconds = 2e-6}));
  optimizer.set_verifying(true);
  optimizer.optimize(4);
  int laid_out = 0;
  for (const Step& step : optimizer.steps()) laid_out += step.transformation == "channels_last" ? step.edits : 0;
  EXPECT_GT(laid_out, 0) << optimizer.explain();
  verify(optimizer.graph(), Level::lowered);

  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::vector<Array> inputs;
  for (const Input& input : graph.inputs) {
    Array elements(DType::f32, evaluate(graph.type(input.value).shape, {{"N", 3}}));
    for (std::int64_t i = 0; i < elements.count(); ++i) elements.set(i, normal(random));
    inputs.push_back(std::move(elements));
  }
  const std::vector<Array> wanted = interpret(graph, inputs);
  Executable executable(optimizer.graph());
  const std::vector<Array> got = executable.run(inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(testing::close(got[i], wanted[i], 1e-4)) << "output " << i;
}

}  // namespace
}  // namespace neap::layout_test
