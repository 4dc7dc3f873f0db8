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

TEST(SampleLoader, GathersFeaturesAndLabels) {
  const auto data = small_data();
  const SampleLoader loader(data, data->training, neighbour_sampler(data->graph, {3, 4}, 9), {.batch = 32, .shuffle = true, .seed = 1});
  EXPECT_EQ(loader.batches(), (data->training.count() + 31) / 32);
  std::set<double> seen;
  EpochBatches batches = loader.loader().epoch(2);
  for (std::int64_t number = 0; auto prepared = batches.next(); ++number) {
    const SampleBatch batch = sample_batch(*prepared);
    EXPECT_EQ(batch.number, number);
    ASSERT_EQ(batch.sample.blocks.size(), 2U);
    for (const Block& block : batch.sample.blocks) check(block.rows, "block");
    EXPECT_EQ(batch.sample.blocks[1].rows.rows, batch.sample.seeds);
    EXPECT_EQ(numbers(batch.dense), numbers(rows_at(data->dense, batch.sample.vertices)));
    EXPECT_EQ(batch.labels.count(), batch.sample.seeds);
    for (std::int64_t i = 0; i < batch.sample.seeds; ++i) {
      seen.insert(batch.sample.vertices.get(i));
      EXPECT_EQ(batch.labels.get(i), data->labels.get(batch.sample.vertices.get_int(i)));
    }
    const auto again =
        sample_neighbours(data->graph, batch.sample.vertices.values<VertexId>().subspan(0, static_cast<std::size_t>(batch.sample.seeds)),
                          std::vector<std::int64_t>{3, 4}, 9, 2);
    EXPECT_EQ(numbers(again.vertices), numbers(batch.sample.vertices));
  }
  const auto wanted = numbers(data->training);
  EXPECT_EQ(seen, std::set<double>(wanted.begin(), wanted.end()));
}

TEST(SampleLoader, SparseFeaturesAndWeights) {
  GraphData given{.graph = build(edges(4, {{0, 1}, {2, 1}, {3, 2}, {1, 1}}))};
  given.sparse = {.csr = {.rows = 4,
                          .columns = 3,
                          .offsets = Array::of(std::vector<std::int64_t>{0, 1, 1, 2, 3}),
                          .indices = Array::of(std::vector<VertexId>{2, 0, 1})},
                  .values = Array::of(std::vector<float>{1, 2, 3})};
  const auto data = std::make_shared<const GraphData>(given);
  const SampleLoader loader(data, Array::of(std::vector<VertexId>{1}), layer_sampler(data->graph, {5, 5}, {}, 9), {.ahead = 0});
  EpochBatches batches = loader.loader().epoch(0);
  const SampleBatch batch = sample_batch(*batches.next());
  EXPECT_EQ(numbers(batch.sample.vertices), (std::vector<double>{1, 0, 2, 3}));
  EXPECT_EQ(numbers(dense(batch.sparse)), (std::vector<double>{0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 0}));
  EXPECT_EQ(batch.labels.count(), 0);
  EXPECT_EQ(batch.sample.blocks[0].rows.columns, 4);
  EXPECT_EQ(batch.sample.blocks[0].weights.count(), batch.sample.blocks[0].rows.entries());
  expect_error([&] { SampleLoader(data, Array::of(std::vector<VertexId>{4}), neighbour_sampler(data->graph, {1}, 0), {}); },
               "there is no vertex 4 among 4");
  expect_error([&] { SampleLoader(data, Array::of(std::vector<float>{1}), neighbour_sampler(data->graph, {1}, 0), {}); },
               "seeds are f32 [1]");
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
