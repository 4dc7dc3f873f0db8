#include "neap/gnn/batch.h"

#include <gtest/gtest.h>

#include <set>

#include "neap/gnn/generate.h"
#include "tests/gnn/graphs.h"
#include "tests/support/expect_error.h"

namespace neap::gnn::batch_test {
namespace {

TEST(BlockDiagonal, AgainstTheDenseDefinition) {
  std::vector<Graph> graphs;
  std::vector<Dense> blocks;
  for (const auto& [vertices, pairs] : odd_graphs()) {
    graphs.push_back(build(edges(vertices, pairs)));
    blocks.push_back(dense(vertices, pairs));
  }
  const GraphBatch batch = block_diagonal(graphs);
  Dense wanted(static_cast<std::size_t>(batch.graph.vertices()), std::vector<int>(static_cast<std::size_t>(batch.graph.vertices()), 0));
  std::size_t at = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(batch.offsets.get(static_cast<std::int64_t>(i)), static_cast<double>(at));
    for (std::size_t row = 0; row < blocks[i].size(); ++row)
      std::ranges::copy(blocks[i][row], wanted[at + row].begin() + static_cast<std::ptrdiff_t>(at));
    at += blocks[i].size();
  }
  EXPECT_EQ(dense(batch.graph), wanted);
  const std::vector<Graph> back = separated(batch);
  for (std::size_t i = 0; i < graphs.size(); ++i) EXPECT_EQ(back[i].version(), graphs[i].version());
  EXPECT_EQ(block_diagonal({}).graph.vertices(), 0);
}

TEST(BlockDiagonal, TypesAndFeaturesGoWithIt) {
  EdgeList list = edges(2, {{0, 1}});
  list.edge_types = Array::of(std::vector<std::int32_t>{1});
  list.edge_type_names = {"a", "b"};
  list.vertex_types = Array::of(std::vector<std::int32_t>{0, 1});
  list.vertex_type_names = {"x", "y"};
  list.edge_features["f"] = Array::of(std::vector<float>{1, 2}, {1, 2});
  const Graph first = build(list);
  list.edge_features["f"] = Array::of(std::vector<float>{3, 4}, {1, 2});
  const Graph both = block_diagonal(std::vector<Graph>{first, build(list)}).graph;
  EXPECT_EQ(numbers(both.edge_feature("f")), (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(numbers(both.edge_types()), (std::vector<double>{1, 1}));
  EXPECT_EQ(numbers(both.vertex_types()), (std::vector<double>{0, 1, 0, 1}));
  list.edge_features["f"] = Array::of(std::vector<double>{3, 4}, {1, 2});
  expect_error(
      [&] {
        block_diagonal(std::vector<Graph>{first, build(list)});
      },
      "graph 1 has other sizes or dtype of the edge feature 'f' than graph 0");
  list.edge_features = {{"g", Array::zeros(DType::f32, {1})}};
  expect_error([&] { block_diagonal(std::vector<Graph>{first, build(list)}); }, "graph 1 has other edge features");
  expect_error([&] { block_diagonal(std::vector<Graph>{first, Graph()}); }, "graph 1 has other edge types");
}

std::shared_ptr<const GraphData> small_data() {
  return std::make_shared<const GraphData>(
      power_law_communities({.vertices = 300, .entries = 3000, .communities = 6, .features = 5, .classes = 6}, 2));
}

TEST(ClusterBatches, EveryVertexOnceAnEpoch) {
  const auto data = small_data();
  const ClusterBatches clusters(data, 10, 3, 4);
  EXPECT_EQ(clusters.batches(), 4);
  std::set<VertexId> seen;
  for (std::int64_t number = 0; number < clusters.batches(); ++number) {
    const std::vector<VertexId> vertices = clusters.vertices(5, number);
    const GraphData batch = clusters.batch(5, number);
    check(batch);
    EXPECT_EQ(batch.graph.version(), induced(data->graph, vertices).version());
    EXPECT_EQ(numbers(batch.labels), numbers(rows_at(data->labels, Array::of(vertices))));
    for (const VertexId vertex : batch.training.values<VertexId>()) {
      EXPECT_TRUE(std::ranges::binary_search(data->training.values<VertexId>(), vertices[static_cast<std::size_t>(vertex)]));
    }
    EXPECT_EQ(batch.training.count() + batch.validation.count() + batch.test.count(), static_cast<std::int64_t>(vertices.size()));
    seen.insert(vertices.begin(), vertices.end());
  }
  EXPECT_EQ(seen.size(), 300U);
  EXPECT_NE(clusters.vertices(5, 0), clusters.vertices(6, 0));
  expect_error([&] { clusters.vertices(0, 4); }, "there is no batch 4 among 4");
  expect_error([&] { ClusterBatches(data, 10, 0, 4); }, "0 parts a batch");
}

}  // namespace
}  // namespace neap::gnn::batch_test
