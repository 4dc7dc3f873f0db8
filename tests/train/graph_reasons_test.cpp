// What the optimiser says of a graph network's step: which orders it chose and what they cost, what it keeps, and why not.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>

#include "neap/gnn/generate.h"
#include "neap/train/vertex_training.h"
#include "neap/transform/optimizer.h"

namespace neap::gnn::graph_reasons_test {
namespace {

// Of no machine; slow, so that a small graph's products are worth a word.
const CostModel model({}, {.copy_bytes_per_second = 1e9, .cache_bytes_per_second = 2e9, .flops_per_second = 1e9, .call_seconds = 1e-6});

Optimizer optimized_step_of(const std::string& network, double dropout) {
  GraphData data = power_law_communities({.vertices = 2000, .entries = 40000, .communities = 4, .features = 16, .classes = 4}, 3);
  split_vertices(data, 0.5, 0.2, 1);
  VertexTraining training(data, {.network = {.model = network, .hidden = 64, .dropout = dropout}, .epochs = 1, .level = 0});
  Optimizer optimizer(training.trainer().step_graph(), model);
  optimizer.optimize();
  return optimizer;
}

void expect_match(const std::string& text, const std::string& pattern) {
  EXPECT_TRUE(std::regex_search(text, std::regex(pattern))) << pattern << "\nin\n" << text;
}

// From "order_products everywhere" up to the next edit.
std::string part_of(const std::string& text, const std::string& pass) {
  const std::size_t from = text.find(pass + " everywhere");
  EXPECT_NE(from, std::string::npos) << pass << "\nin\n" << text;
  return from == std::string::npos ? "" : text.substr(from, text.find("\n  level", from) - from);
}

TEST(GraphReasons, AStepOfGCNSaysWhichOrderItHasAndWhatIsKept) {
  const Optimizer optimizer = optimized_step_of("gcn", 0);
  const std::string text = optimizer.explain();
  expect_match(part_of(text, "order_products"),
               R"(at %\d+ \w+ \(layer1.*\): aggregates first: [0-9.e+]+ us against [0-9.e+]+ us, with all that shares its products)");
  expect_match(part_of(text, "keep_fixed"),
               R"(at %\d+ spmm .*: depends on fixed inputs alone: [0-9.]+ \w+ are kept, and [0-9.e+]+ us are not spent again in each run)");
  const auto ordered = std::find_if(optimizer.steps().begin(), optimizer.steps().end(),
                                    [](const Step& step) { return step.transformation == "order_products"; });
  ASSERT_NE(ordered, optimizer.steps().end());
  EXPECT_EQ(static_cast<int>(ordered->made.size()), ordered->edits);
}

TEST(GraphReasons, AStepOfGATSaysWhatOfItsSumsIsTheRows) {
  const std::string text = optimized_step_of("gat", 0).explain();
  expect_match(part_of(text, "factor_edge_sums"), "at %.*: what is the row's own stands behind the sum");
  expect_match(text, "its product of both ends is taken apart");
  expect_match(part_of(text, "transpose_edges"), R"(: [0-9.]+ kB of edges are computed again in this order from values of vertices)");
}

// Whether what the features become along the edges is kept from run to run.
bool keeps_aggregate(const neap::Graph& graph) {
  return std::ranges::any_of(
      graph.nodes(), [&](const NodePtr& node) { return node->kept && graph.type(node->outputs[0]) == Type::parse("f32[2000,16]"); });
}

TEST(GraphReasons, DropoutOfTheInputIsWhyTheAggregateIsNotKept) {
  EXPECT_TRUE(keeps_aggregate(optimized_step_of("sage", 0).graph()));
  const Optimizer optimizer = optimized_step_of("sage", 0.5);
  EXPECT_FALSE(keeps_aggregate(optimizer.graph()));
  const bool said = std::ranges::any_of(optimizer.refusals(), [](const Refusal& refusal) {
    return refusal.transformation == "keep_fixed" && refusal.place.find("spmm (layer1") != std::string::npos &&
           refusal.reason == "it depends on 'seed', given anew in every run";
  });
  EXPECT_TRUE(said) << optimizer.explain();
}

}  // namespace
}  // namespace neap::gnn::graph_reasons_test
