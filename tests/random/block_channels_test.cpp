// Chains of convolutions in blocks of channels: conversions only at their ends, and the same results.
#include <gtest/gtest.h>

#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"
#include "tests/library/library_check.h"

namespace neap::block_channels_test {
namespace {

Var convolution(Builder& build, const Var& x, std::int64_t filters, int kernel, int salt) {
  const std::int64_t channels = x.size(1).constant();
  Array w = test_elements(DType::f32, {filters, channels, kernel, kernel}, salt);
  for (std::int64_t i = 0; i < w.count(); ++i) w.set(i, w.get(i) / static_cast<double>(channels));
  return build.call("conv", {x, build.constant(w), build.constant(test_elements(DType::f32, {filters}, salt + 1))},
                    {{"pads", std::vector<std::int64_t>(4, kernel / 2)}});
}

// Three in a row with a residual across the last two, and a reader of the first one's result who is none of them.
Graph chain(const Dim& batch, std::int64_t channels) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {batch, channels, 5, 6}, {}});
  const Var first = build.call("relu", {convolution(build, x, channels, 3, 1)});
  const Var second = build.call("relu", {convolution(build, first, 2 * channels, 1, 2)});
  const Var third = build.call("relu", {convolution(build, second, channels, 3, 3) + first});
  graph.add_output(third.id(), "y");
  graph.add_output(mean(first, {2, 3}).id(), "pooled");
  return graph;
}

// Bound, lowered, with its epilogues; then in blocks.
Graph in_blocks(const Graph& graph, const Symbols& symbols) {
  Optimizer optimizer(graph, CostModel(symbols));
  optimizer.set_verifying(true);
  const Recipe recipe =
      parse_recipe("fold_constants\nbind_library by_cost=0\nlower\nlay_operands\nfuse_vertical\nfuse_epilogue\nblock_channels by_cost=0\n");
  optimizer.optimize({.recipe = recipe});
  return optimizer.graph();
}

void expect_as_interpreted(const Graph& graph, const Graph& made, const Symbols& symbols) {
  const Array x = test_elements(DType::f32, evaluate(graph.type(graph.inputs[0].value).shape, symbols), 0);
  const std::vector<Array> wanted = interpret(graph, {x}), got = Executable(made).run({x});
  for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-4, to_string(made));
}

int count_of(const Graph& graph, std::string_view op) {
  return static_cast<int>(std::count_if(graph.nodes().begin(), graph.nodes().end(), [&](const NodePtr& node) { return node->op == op; }));
}

TEST(BlockChannels, AChainIsConvertedAtItsEnds) {
  const Graph graph = chain(2, 32), made = in_blocks(graph, {});
  verify(made, Level::lowered);
  EXPECT_EQ(count_of(made, "conv"), 3) << to_string(made);
  EXPECT_EQ(count_of(made, "cast"), 3) << to_string(made);  // x, the first result for its other reader, the last
  for (const NodePtr& node : made.nodes()) {
    if (node->op != "conv") continue;
    EXPECT_NE(made.type(node->outputs[0]).layout.tag(4).find('B'), std::string::npos) << to_string(made);
  }
  expect_as_interpreted(graph, made, {});
}

TEST(BlockChannels, BatchesOfAnySize) {
  const Graph graph = chain(Dim::symbol("N"), 16), made = in_blocks(graph, {{"N", 3}});
  for (const std::int64_t size : {0, 1, 3, 7}) expect_as_interpreted(graph, made, {{"N", size}});
}

TEST(BlockChannels, ChannelsThatFillNoBlocksStay) {
  const Graph graph = chain(2, 20), made = in_blocks(graph, {});
  EXPECT_EQ(count_of(made, "cast"), 0) << to_string(made);
  expect_as_interpreted(graph, made, {});
}

TEST(BlockChannels, OneConversionCostsMoreThanItGainsWhereNothingIsGained) {
  Optimizer optimizer(chain(1, 32));  // of one picture: as quick channels-last
  optimizer.optimize(4);
  EXPECT_EQ(count_of(optimizer.graph(), "cast"), 0);
}

}  // namespace
}  // namespace neap::block_channels_test
