// Classes of vertices learnt from samples and clusters of a graph.
#include "neap/train/vertex_batches.h"

#include <gtest/gtest.h>

#include <set>

#include "neap/base/file.h"
#include "neap/gnn/generate.h"
#include "neap/train/vertex_training.h"
#include "tests/support/environment.h"
#include "tests/support/expect_error.h"

namespace neap::gnn::vertex_batches_test {
namespace {

GraphData communities() {
  GraphData data = power_law_communities(
      {.vertices = 400, .entries = 4000, .communities = 4, .inside = 0.9, .features = 8, .classes = 4, .noise = 4}, 3);
  split_vertices(data, 0.5, 0.2, 1);
  return data;
}

VertexTrainingOptions quick(const std::string& model, std::int64_t epochs = 6) {
  return {.network = {.model = model, .hidden = 16, .dropout = 0.2}, .epochs = epochs, .rate = 0.02, .level = 0};
}
VertexTrainingOptions sampled(const std::string& model, std::int64_t epochs = 6) {
  VertexTrainingOptions options = quick(model, epochs);
  options.fan_outs = {6, 4};
  options.batch = 32;
  return options;
}
VertexTrainingOptions layer_sampled(const std::string& model, std::int64_t epochs = 6) {
  VertexTrainingOptions options = quick(model, epochs);
  options.layer_sizes = {80, 60};
  options.batch = 32;
  return options;
}
VertexTrainingOptions clustered(const std::string& model, std::int64_t epochs = 6) {
  VertexTrainingOptions options = quick(model, epochs);
  options.clusters = 8;
  options.batch = 2;
  return options;
}

// What one step's logits are, with the first parameters and no dropout.
Array first_logits(const GraphData& data, VertexTrainingOptions options, const VertexBatches& batches, Batch& batch) {
  options.network.dropout = 0;
  VertexTraining training(data, options);
  training.network().train(false);
  batch.arrays = batches.examples->batch(batch.indices);
  batches.prepare(batch);
  Tensors inputs;
  for (const Array& array : batch.arrays) inputs.emplace_back(array);
  return batches.logits(training.network(), inputs).array();
}

void expect_rows(const Array& got, const Array& whole, const std::vector<std::int64_t>& vertices) {
  ASSERT_EQ(got.size(0), static_cast<std::int64_t>(vertices.size()));
  for (std::int64_t i = 0; i < got.size(0); ++i) {
    for (std::int64_t c = 0; c < got.size(1); ++c) {
      ASSERT_NEAR(got.get(i * got.size(1) + c), whole.get(vertices[static_cast<std::size_t>(i)] * whole.size(1) + c), 1e-4);
    }
  }
}

// All neighbours, or one cluster of all vertices: what the whole graph gives.
TEST(VertexBatches, WithNothingLeftOutTheyGiveWhatTheWholeGraphGives) {
  const GraphData data = communities();
  for (const std::string& model : graph_models()) {
    if (model == "mlp") continue;
    for (const Jumping jumping : {Jumping::none, Jumping::concat}) {
      VertexTrainingOptions options = quick(model, 0);
      options.network.jumping = jumping;
      options.network.dropout = 0;
      options.fan_outs = {-1, -1};
      options.batch = 16;
      VertexTraining training(data, options);
      const Array whole = training.logits();
      Tensors inputs;
      for (const Array& array : training.batch()) inputs.emplace_back(array);
      const Array weights = model == "gcn" ? training.fixed()[5].second : Array();
      GraphData along = data;  // symmetric and with loops as it is
      const VertexBatches batches =
          sampled_batches(std::make_shared<const GraphData>(along), neighbour_sampler(along.graph, {-1, -1}, 0), 2, 16, weights);
      Batch batch{.indices = {3, 0, 7}};
      std::vector<std::int64_t> vertices;
      for (const std::int64_t i : batch.indices) vertices.push_back(data.training.get_int(i));
      expect_rows(first_logits(data, options, batches, batch), whole, vertices);
    }
    const VertexBatches all = cluster_batches(std::make_shared<const GraphData>(data), 1, 1, 0);
    VertexTraining training(data, [&] {
      VertexTrainingOptions options = quick(model, 0);
      options.network.dropout = 0;
      return options;
    }());
    Batch batch{.indices = {0}};
    const Array got = first_logits(data, quick(model, 0), all, batch);
    std::vector<std::int64_t> vertices;
    for (std::int64_t i = 0; i < data.training.count(); ++i) vertices.push_back(data.training.get_int(i));
    EXPECT_EQ(batch.indices, vertices);
    expect_rows(got, training.logits(), vertices);
  }
}

// Layers of all vertices that there are: what is weighed then stands for itself.
TEST(VertexBatches, LayersOfAllVerticesGiveWhatTheWholeGraphGives) {
  const GraphData data = communities();
  for (const char* model : {"gcn", "sage", "gin"}) {
    SCOPED_TRACE(model);
    VertexTrainingOptions options = quick(model, 0);
    options.network.dropout = 0;
    options.layer_sizes = {400, 400};
    options.batch = 16;
    VertexTraining training(data, options), whole(data, [&] {
      VertexTrainingOptions plain = quick(model, 0);
      plain.network.dropout = 0;
      return plain;
    }());
    const Array weights = training.fixed()[5].second;
    const VertexBatches batches =
        sampled_batches(std::make_shared<const GraphData>(data), layer_sampler(data.graph, {400, 400}, weights, 0), 2, 16, weights);
    Batch batch{.indices = {3, 0, 7}};
    std::vector<std::int64_t> vertices;
    for (const std::int64_t i : batch.indices) vertices.push_back(data.training.get_int(i));
    expect_rows(first_logits(data, options, batches, batch), whole.logits(), vertices);
  }
}

TEST(VertexBatches, SamplesOfSparseFeaturesGiveWhatTheWholeGraphGives) {
  GraphData data = communities();
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<float> values;
  for (std::int64_t row = 0; row < data.vertices(); ++row) {
    for (std::int64_t k = row % 3; k < 8; k += 3) {
      columns.push_back(static_cast<std::int32_t>(k));
      values.push_back(static_cast<float>(data.dense.get(row * 8 + k)));
    }
    offsets.push_back(static_cast<std::int64_t>(columns.size()));
  }
  data.dense = {};
  data.sparse = {{.rows = data.vertices(), .columns = 8, .offsets = Array::of(offsets), .indices = Array::of(columns)}, Array::of(values)};
  VertexTrainingOptions options = quick("sage", 0);
  options.network.dropout = 0;
  VertexTraining whole(data, options);
  const VertexBatches batches =
      sampled_batches(std::make_shared<const GraphData>(data), neighbour_sampler(data.graph, {-1, -1}, 0), 2, 16, {});
  Batch batch{.indices = {5, 1}};
  const std::vector<std::int64_t> vertices{data.training.get_int(5), data.training.get_int(1)};
  expect_rows(first_logits(data, options, batches, batch), whole.logits(), vertices);
}

TEST(VertexBatches, ModelsLearnFromSamplesAndClusters) {
  const GraphData data = communities();
  for (const VertexTrainingOptions& options : {sampled("gcn"), sampled("sage"), layer_sampled("gcn"), layer_sampled("sage"),
                                               layer_sampled("gin"), clustered("gat"), clustered("gin")}) {
    VertexTraining training(data, options);
    EXPECT_EQ(training.run(), Outcome::finished);
    EXPECT_GT(training.trainer().steps_in_epoch(), 1);
    EXPECT_GT(training.accuracy(training.logits(), data.test), training.majority(data.test) + 0.2) << options.network.model;
    EXPECT_NEAR(training.accuracy(training.logits(), data.validation), training.trainer().best().value(), 1e-9) << options.network.model;
    EXPECT_LE(training.trainer().history().back().training.metrics.at("correct"), 1);
  }
}

// Files in the cache of kernels.
std::set<std::string> kernels(const std::filesystem::path& folder) {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) found.insert(entry.path().string());
  return found;
}

TEST(VertexBatches, AnotherSampleIsNoNewCompile) {
  const TemporaryFolder folder;
  const Environment cache("NEAP_CACHE", folder.path().string());
  const GraphData data = communities();
  for (VertexTrainingOptions options : {sampled("sage", 2), layer_sampled("sage", 2), clustered("gcn", 2)}) {
    options.level = 4;
    std::set<std::string> after_first;
    options.after_epoch = [&](const EpochRecord& record) {
      if (record.epoch == 0) after_first = kernels(folder.path());
    };
    VertexTraining training(data, options);
    EXPECT_EQ(training.run(), Outcome::finished);
    EXPECT_FALSE(after_first.empty());
    EXPECT_EQ(kernels(folder.path()), after_first);
  }
}

TEST(VertexBatches, CompiledAsAtOnce) {
  const GraphData data = communities();
  for (VertexTrainingOptions options : {sampled("sage", 1), sampled("gat", 1), layer_sampled("gcn", 1), clustered("gcn", 1)}) {
    options.network.dropout = 0;
    VertexTraining at_once(data, options);
    at_once.run();
    options.level = 4;
    VertexTraining compiled(data, options);
    compiled.run();
    const std::vector<double>&a = at_once.trainer().losses(), &b = compiled.trainer().losses();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-3 * a[i]) << options.network.model << ", step " << i;
  }
}

TEST(VertexBatches, AStoppedRunGoesOnByTheSameSteps) {
  const GraphData data = communities();
  for (VertexTrainingOptions options : {sampled("sage", 4), layer_sampled("sage", 4), clustered("sage", 4)}) {
    VertexTraining whole(data, options);
    whole.run();
    const TemporaryFolder folder;
    options.folder = folder.path() / "checkpoint";
    options.epochs = 2;
    { VertexTraining(data, options).run(); }
    options.epochs = 4;
    VertexTraining rest(data, options);
    EXPECT_TRUE(rest.trainer().resumed());
    rest.run();
    EXPECT_EQ(rest.trainer().losses(), whole.trainer().losses());
    options.fan_outs = {5, 4};
    options.layer_sizes.clear();
    options.clusters = 0;
    options.batch = options.batch == 2 ? 32 : options.batch;
    expect_error([&] { VertexTraining(data, options); }, "of another run");
  }
}

TEST(VertexBatches, WhatCannotBeCut) {
  const GraphData data = communities();
  expect_error([&] { VertexTraining(data, sampled("mlp")); }, "an mlp sees no neighbours");
  VertexTrainingOptions options = sampled("sage");
  options.clusters = 4;
  expect_error([&] { VertexTraining(data, options); }, "several of samples, layer-wise samples and clusters");
  options = sampled("sage");
  options.fan_outs = {4};
  expect_error([&] { VertexTraining(data, options); }, "sizes of samples for 1 of 2 layers");
  options = sampled("sage");
  options.layer_sizes = {40, 40};
  expect_error([&] { VertexTraining(data, options); }, "several of samples, layer-wise samples and clusters");
  expect_error([&] { VertexTraining(data, layer_sampled("gat")); }, "gat takes no weights of edges");
  const auto shared = std::make_shared<const GraphData>(data);
  const VertexBatches unweighted = sampled_batches(shared, layer_sampler(data.graph, {9}, {}, 0), 1, 16, {});
  Batch batch{.indices = {0}};
  batch.arrays = unweighted.examples->batch(batch.indices);
  expect_error([&] { unweighted.prepare(batch); }, "samples whose edges have weights, of a network that takes none");
  options = sampled("sage");
  options.batch = 1000;
  expect_error([&] { VertexTraining(data, options); }, "batches of 1000 of 200 training vertices");
  GraphData few = data;
  few.training = few.training.slice_rows(0, 1).clone();
  expect_error([&] { VertexTraining(few, clustered("sage")); }, "has no training vertex");
}

}  // namespace
}  // namespace neap::gnn::vertex_batches_test
