// Classes of vertices learnt on a whole graph.
#include "neap/train/vertex_training.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "neap/base/machine.h"
#include "neap/gnn/build.h"
#include "neap/gnn/generate.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::gnn::vertex_training_test {
namespace {

// Two communities; features say a little, edges much.
GraphData communities(double noise = 4) {
  GraphData data = power_law_communities(
      {.vertices = 400, .entries = 4000, .communities = 4, .inside = 0.9, .features = 8, .classes = 4, .noise = noise}, 3);
  split_vertices(data, 0.5, 0.2, 1);
  return data;
}

VertexTrainingOptions quick(const std::string& model, std::int64_t epochs = 12) {
  return {.network = {.model = model, .hidden = 16, .dropout = 0.2}, .epochs = epochs, .rate = 0.05, .level = 0};
}

TEST(VertexTraining, EveryModelLearnsFromNeighbours) {
  const GraphData data = communities();
  VertexTraining alone(data, quick("mlp"));
  alone.run();
  const double without_edges = alone.accuracy(alone.logits(), data.test);
  for (const std::string& model : graph_models()) {
    if (model == "mlp") continue;
    VertexTraining training(data, quick(model));
    EXPECT_EQ(training.run(), Outcome::finished);
    const double reached = training.accuracy(training.logits(), data.test);
    EXPECT_GT(reached, without_edges + 0.1) << model;
    EXPECT_GT(reached, training.majority(data.test) + 0.2) << model;
    EXPECT_NEAR(training.accuracy(training.logits(), data.validation), training.trainer().best().value(), 1e-9) << model;
  }
}

TEST(VertexTraining, SparseFeaturesAreTheSameAsDense) {
  GraphData data = communities();
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<float> values;
  for (std::int64_t row = 0; row < data.vertices(); ++row) {
    for (std::int64_t k = 0; k < 8; ++k) {
      columns.push_back(static_cast<std::int32_t>(k));
      values.push_back(static_cast<float>(data.dense.get(row * 8 + k)));
    }
    offsets.push_back(static_cast<std::int64_t>(columns.size()));
  }
  data.dense = {};
  data.sparse = {{.rows = data.vertices(), .columns = 8, .offsets = Array::of(offsets), .indices = Array::of(columns)}, Array::of(values)};
  VertexTraining training(data, quick("sage"));
  training.run();
  EXPECT_GT(training.accuracy(training.logits(), data.test), training.majority(data.test) + 0.2);
}

TEST(VertexTraining, CompiledGivesTheSameBitsOnOneThreadAndTwo) {
  const GraphData data = communities();
  std::vector<std::vector<double>> losses;
  for (const int count : {1, 2}) {
    const Threads threads(count);
    VertexTrainingOptions options = quick("gcn", 5);
    options.level = 4;
    VertexTraining training(data, options);
    training.run();
    losses.push_back(training.trainer().losses());
  }
  EXPECT_EQ(losses[0], losses[1]);
  VertexTraining at_once(data, quick("gcn", 5));
  at_once.run();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(at_once.trainer().losses()[i], losses[0][i], 1e-4 * losses[0][i]);
}

// Of a size at which libraries share a product's work among threads: what the parameters have become shows in every vertex's logits.
TEST(VertexTraining, LogitsHaveTheSameBitsOnOneThreadAndTwo) {
  GraphData data = arxiv_like(1, 0.02);
  split_vertices(data, 0.5, 0.2, 1);
  for (const char* const model : {"gcn", "sage", "gat", "gatv2", "gin"}) {
    const auto logits = [&](int count) {
      const Threads threads(count);
      VertexTraining training(data, {.network = {.model = model, .hidden = 32}, .epochs = 2, .rate = 0.05, .level = 4});
      training.run();
      return training.logits();
    };
    EXPECT_TRUE(same_bits(logits(1), logits(2))) << model;
  }
}

TEST(VertexTraining, AnotherGraphIsAnotherRun) {
  const TemporaryFolder folder;
  GraphData data = communities();
  VertexTrainingOptions options = quick("gcn", 2);
  options.folder = folder.path() / "checkpoint";
  { VertexTraining(data, options).run(); }
  EXPECT_TRUE(VertexTraining(data, options).trainer().resumed());
  EdgeList edges = edge_list(data.graph);
  edges.sources.set_int(0, (edges.sources.get_int(0) + 1) % data.vertices());
  data.graph = build(edges);
  expect_error([&] { VertexTraining(data, options); }, "a run on other data: 'graph/");
}

TEST(VertexTraining, WhatCannotBeTrainedOn) {
  const GraphData data = communities();
  GraphData without = data;
  without.labels = {};
  without.training = without.validation = without.test = {};
  expect_error([&] { VertexTraining(without, quick("gcn")); }, "no labels");
  without = data;
  without.dense = {};
  without.groups = {};
  without.feature_names = {};
  expect_error([&] { VertexTraining(without, quick("gcn")); }, "no features");
  without = data;
  without.validation = {};
  expect_error([&] { VertexTraining(without, quick("gcn")); }, "no validation vertices");
}

}  // namespace
}  // namespace neap::gnn::vertex_training_test
