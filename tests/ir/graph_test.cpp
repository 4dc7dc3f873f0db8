#include "neap/ir/graph.h"

#include <gtest/gtest.h>

#include "neap/base/error.h"

namespace neap::graph_test {
namespace {

// x -> a = relu x; b = exp a; c = add a b; d = tanh x (dead); outputs: y = c.
struct Example {
  Graph graph = parse_graph(R"(graph g {
    input x : f32[N,4]
    %0 = relu(x) : f32[N,4]
    %1 = exp(%0) : f32[N,4]
    %2 = add(%0, %1) : f32[N,4]
    %3 = tanh(x) : f32[N,4]
    output y = %2
  })");
  ValueId x = graph.inputs[0].value;
  ValueId made(std::size_t node) const { return graph.nodes()[node]->outputs[0]; }
  Node call(const char* op, std::vector<ValueId> inputs) {
    return {.op = op, .inputs = std::move(inputs), .outputs = {graph.add_value({DType::f32, {Dim::symbol("N"), 4}, {}})}};
  }
  std::string order() const {
    std::string text;
    for (const NodePtr& node : graph.nodes()) text += (text.empty() ? "" : " ") + node->op;
    return text;
  }
};

TEST(Graph, Uses) {
  const Example e;
  const Uses uses(e.graph);
  EXPECT_EQ(uses.producer(e.x), -1);
  EXPECT_EQ(uses.producer(e.made(1)), 1);
  EXPECT_EQ(uses.users(e.x), (std::vector<int>{0, 3}));
  EXPECT_EQ(uses.users(e.made(0)), (std::vector<int>{1, 2}));
  EXPECT_TRUE(uses.is_output(e.made(2)));
  EXPECT_FALSE(uses.is_output(e.made(1)));
}

TEST(Graph, AUserThatReadsTwiceCountsOnce) {
  const Graph graph = parse_graph("graph g { input x : f32[4] %0 = mul(x, x, _) : f32[4] output y = %0 }");
  EXPECT_EQ(Uses(graph).users(graph.inputs[0].value), (std::vector<int>{0}));
}

TEST(Graph, DeadNodesGo) {
  Example e;
  EXPECT_EQ(remove_dead_nodes(e.graph), 1);
  EXPECT_EQ(e.order(), "relu exp add");
  EXPECT_EQ(remove_dead_nodes(e.graph), 0);
  verify(e.graph);
}

TEST(Graph, DeadChainsGoAtOnceAndUsedTwinsStay) {
  Graph graph = parse_graph(R"(graph g {
    input x : f32[4]
    %0, %1 = split(x) : f32[2], f32[2]
    %2 = exp(%1) : f32[2]
    %3 = exp(%2) : f32[2]
    output y = %0
  })");
  EXPECT_EQ(remove_dead_nodes(graph), 2);
  EXPECT_EQ(graph.nodes().size(), 1u);
  verify(graph);
}

TEST(Graph, EditsErasePutInAndReplaceTogether) {
  Example e;
  Edit edit;
  Node gelu = e.call("gelu", {e.made(0)});
  edit.replace[e.made(1)] = gelu.outputs[0];
  edit.erase.insert(1);
  edit.before[1] = {gelu};
  apply(e.graph, edit);
  EXPECT_EQ(e.order(), "relu gelu add tanh");
  EXPECT_EQ(e.graph.nodes()[2]->inputs, (std::vector<ValueId>{e.made(0), gelu.outputs[0]}));
  verify(e.graph);
}

TEST(Graph, ReplacementsAreFollowedAndReachOutputsAndNewNodes) {
  Example e;
  Edit edit;
  Node last = e.call("neg", {e.made(2)});  // of what %2 becomes: x
  edit.before[e.graph.nodes().size()] = {last};
  edit.replace[e.made(2)] = e.made(1);
  edit.replace[e.made(1)] = e.made(0);
  edit.replace[e.made(0)] = e.x;
  apply(e.graph, edit);
  EXPECT_EQ(e.graph.outputs[0].value, e.x);
  EXPECT_EQ(e.graph.nodes().back()->inputs, (std::vector<ValueId>{e.x}));
  EXPECT_EQ(e.graph.nodes()[1]->inputs, (std::vector<ValueId>{e.x}));
}

TEST(Graph, CopiesAreIndependent) {
  Example e;
  const Graph before = e.graph;
  const Hash hash = structural_hash(before);
  Edit edit;
  edit.replace[e.made(1)] = e.made(0);
  apply(e.graph, edit);
  e.graph.set_type(e.x, {DType::f64, {3}, {}});
  remove_dead_nodes(e.graph);
  EXPECT_NE(structural_hash(e.graph), hash);
  EXPECT_EQ(structural_hash(before), hash);
  EXPECT_EQ(before.type(before.inputs[0].value).dtype, DType::f32);
}

TEST(Graph, CompactForgetsWhatNothingNames) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::f32, {4}, {}});
  const ValueId unused = graph.add_constant(Array::scalar(1.0F)), used = graph.add_constant(Array::scalar(2.0F));
  const ValueId y = graph.add_value({DType::f32, {4}, {}}), loose = graph.add_value({});
  graph.append({.op = "mul", .inputs = {x, used, no_value}, .outputs = {y}});
  graph.add_output(y, "y");
  graph.compact();
  EXPECT_TRUE(graph.has_value(x) && graph.has_value(used) && graph.has_value(y));
  EXPECT_FALSE(graph.has_value(unused));
  EXPECT_FALSE(graph.has_value(loose));
  EXPECT_EQ(graph.value_count(), 5);  // ids are not reused
  EXPECT_THROW(graph.value(unused), Error);
  EXPECT_THROW(graph.value(-1), Error);
  EXPECT_THROW(graph.value(99), Error);
}

TEST(Graph, Symbols) {
  const Graph graph = parse_graph("graph g { input x : f32[N,2*M + 1] input y : f32[floor((K + 1)/2)] }");
  EXPECT_EQ(graph.symbols(), (std::vector<std::string>{"K", "M", "N"}));
}

TEST(Graph, PlacesAreNamedAsInTheText) {
  const Example e;
  EXPECT_EQ(place_of(e.graph, *e.graph.nodes()[2]), "%2 = add, in graph g");
  EXPECT_EQ(value_names(e.graph)[static_cast<std::size_t>(e.x)], "x");
}

}  // namespace
}  // namespace neap::graph_test
