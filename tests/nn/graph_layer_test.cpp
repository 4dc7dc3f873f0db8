#include "neap/nn/graph_layer.h"

#include <gtest/gtest.h>

#include "neap/ops/builder.h"
#include "tests/support/expect_error.h"

namespace neap::graph_layer_test {
namespace {

// y = batch_norm(x w), with the batch's size open; the rows are laid out by a reshape whose sizes hold the symbol.
Graph network() {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[2*N,3]"));
  const Var w = build.input("a.w", Type::parse("f32[3,2]"), Role::parameter);
  std::vector<Var> inputs{matmul(x, w)};
  for (const char* name : {"scale", "bias", "mean", "variance"})
    inputs.push_back(build.input(name, Type::parse("f32[2]"), Role::parameter));
  const Var y = build.call("batch_norm_inference", inputs);
  graph.add_output(reshape(y, {Dim(2) * Dim::symbol("N"), 2}).id(), "y");
  return graph;
}

std::map<std::string, Array> values() {
  return {{"a.w", Array::of<float>({1, 2, 3, 4, 5, 6}, {3, 2})},
          {"scale", Array::of<float>({1, 1})},
          {"bias", Array::of<float>({0, 1})},
          {"mean", Array::of<float>({0, 0})},
          {"variance", Array::of<float>({1, 1})}};
}

TEST(GraphLayer, StartsFromTheValuesAndKeepsStatistics) {
  GraphLayer layer(network(), values());
  layer.initialize(77);
  std::vector<std::string> parameters, buffers;
  for (const Parameter* parameter : layer.parameters()) parameters.push_back(parameter->name());
  for (const Parameter* buffer : layer.buffers()) buffers.push_back(buffer->name());
  EXPECT_EQ(parameters, (std::vector<std::string>{"a.w", "scale", "bias"}));
  EXPECT_EQ(buffers, (std::vector<std::string>{"mean", "variance"}));
  for (const std::int64_t rows : {2, 6}) {
    Tensor x = Tensor::full(DType::f32, {rows, 3}, 1);
    const Tensor y = layer(x);
    ASSERT_EQ(y.array().sizes(), (Sizes{rows, 2}));
    EXPECT_NEAR(y.array().get(0), 9, 1e-3);
    EXPECT_NEAR(y.array().get(1), 13, 1e-3);
  }
}

TEST(GraphLayer, NamesOfParametersStayWhereTheyCan) {
  Graph graph;
  Builder build(graph);
  Var sum = build.input("x", Type::parse("f32[N,2]"));
  std::map<std::string, Array> given;
  for (const std::string name : {"layer.0.weight", "/a/b.c", ".d", "e..f", "g.", "_a_b.c"}) {
    sum = sum + build.input(name, Type::parse("f32[2]"), Role::parameter);
    given[name] = Array::of<float>({1, 2});
  }
  graph.add_output(sum.id(), "y");
  GraphLayer layer(graph, given);
  std::vector<std::string> names;
  for (const Parameter* parameter : layer.parameters()) names.push_back(parameter->name());
  EXPECT_EQ(names, (std::vector<std::string>{"layer.0.weight", "_a_b.c", "_d", "e._f", "g_", "_a_b.c_2"}));
}

TEST(GraphLayer, RefusesWhatItCannotTakeOrBe) {
  GraphLayer layer(network(), values());
  expect_error([&] { layer(Tensor::zeros(DType::f32, {3, 3})); }, "takes f32[2*N,3], [3,3] is given");
  expect_error([&] { layer(Tensor::zeros(DType::f32, {2, 4})); }, "takes f32[2*N,3], [2,4] is given");
  expect_error([&] { layer(Tensor::zeros(DType::f64, {2, 3})); }, "takes f32[2*N,3], f64[2,3] is given");
  expect_error([&] { GraphLayer(network(), {}); }, "'a.w' has no value");
  Graph two;
  Builder build(two);
  const Var a = build.input("a", Type::parse("f32[N]")), b = build.input("b", Type::parse("f32[N]"));
  two.add_output((a + b).id(), "y");
  expect_error([&] { GraphLayer(two, {}); }, "the network takes several inputs: a, b");
}

}  // namespace
}  // namespace neap::graph_layer_test
