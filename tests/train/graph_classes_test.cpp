// Classes of whole graphs, learnt from batches of them: graphs one behind the other (block-diagonal), pooled to a row each.
#include <gtest/gtest.h>

#include "neap/data/array_dataset.h"
#include "neap/gnn/batch.h"
#include "neap/gnn/build.h"
#include "neap/nn/gin_conv.h"
#include "neap/nn/graph_pool.h"
#include "neap/nn/sequential.h"
#include "neap/optim/adam.h"
#include "neap/train/trainer.h"
#include "neap/train/vertex_batches.h"
#include "tests/gnn/graphs.h"

namespace neap::gnn::graph_classes_test {
namespace {

constexpr std::int64_t count = 40, features = 2;

// Graph i has 4 to 10 vertices: a ring where i is even, a star where it is odd.
Graph example(std::int64_t i) {
  const std::int64_t vertices = 4 + i % 7;
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  for (std::int64_t v = 1; v < vertices; ++v) pairs.emplace_back(i % 2 == 0 ? v - 1 : 0, v);
  if (i % 2 == 0) pairs.emplace_back(vertices - 1, 0);
  return symmetrized(build(edges(vertices, pairs)));
}

std::unique_ptr<Layer> perceptron(std::int64_t in, std::int64_t out) {
  auto made = std::make_unique<Sequential>();
  made->then<Linear>("first", in, 16, LinearOptions{}).then<Activation>("relu", "relu");
  made->then<Linear>("second", 16, out, LinearOptions{});
  return made;
}

struct Classifier : Module {
  explicit Classifier(Reduce how) : pooling(how) {}
  Tensor operator()(const Tensor& x, const Edges& edges, const Tensor& graphs) {
    const Scope scope(path());
    return last(pool_graphs(relu(second(relu(first(x, edges)), edges)), graphs, pooling));
  }
  Reduce pooling;
  GINConv& first = add<GINConv>("first", perceptron(features, 16));
  GINConv& second = add<GINConv>("second", perceptron(16, 16));
  Linear& last = add<Linear>("last", 16, 2);
};

// Inputs of a step: labels, features of the vertices of all graphs, where each graph begins, and edges.
TrainerOptions in_batches(int level) {
  TrainerOptions options{.epochs = 30, .batch = 8, .seed = 1, .schedule = constant_rate(0.02), .progress = false, .level = level};
  const Dim graphs = Dim::symbol("G"), vertices = Dim::symbol("V");
  options.inputs = {{"labels", {DType::i64, {graphs}, {}}},
                    {"features", {DType::f32, {vertices, features}, {}}},
                    {"graphs", {DType::i64, {graphs + Dim(1)}, {}}}};
  add_edge_inputs(options.inputs, "edges", vertices, vertices, Dim::symbol("E"), std::nullopt);
  options.prepare = [](Batch& batch) {
    std::vector<Graph> graphs;
    std::vector<std::int64_t> labels;
    for (const std::int64_t i : batch.indices) {
      graphs.push_back(example(i));
      labels.push_back(i % 2);
    }
    const GraphBatch joined = block_diagonal(graphs);
    batch.arrays = {Array::of(labels), Array::full(DType::f32, {joined.graph.vertices(), features}, 1), joined.offsets};
    add_edge_arrays(batch.arrays, joined.graph.incoming(), joined.graph.outgoing(), {});
  };
  return options;
}

TEST(GraphClasses, AreLearntFromBatchesOfGraphs) {
  std::vector<std::int64_t> numbers(count);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(i);
  std::vector<double> losses[2];  // at once, and compiled for all sizes
  for (const Reduce how : {Reduce::mean, Reduce::max, Reduce::sum}) {
    for (const int level : {0, 4}) {
      if (level > 0 && how != Reduce::sum) continue;
      Classifier net(how);
      const Objective objective = [&net](const Tensors& in) {
        std::size_t at = 3;
        const Tensor logits = net(in[1], edges_at(in, at, false), in[2]);
        return Measures{call("cross_entropy", {logits, in[0]}), {{"correct", sum((argmax(logits, 1) == in[0]).cast(DType::f32))}}};
      };
      const Adam rule;
      Trainer trainer(net, objective, rule, array_dataset({"graph"}, {Array::of(numbers)}), nullptr, in_batches(level));
      ASSERT_EQ(trainer.run(), Outcome::finished);
      losses[level == 0 ? 0 : 1] = trainer.losses();
      EXPECT_LT(trainer.history().back().training.loss, 0.3 * trainer.history().front().training.loss);
      EXPECT_GT(trainer.history().back().training.metrics.at("correct"), 0.9);
    }
  }
  for (std::size_t step = 0; step < 5; ++step) EXPECT_NEAR(losses[0][step], losses[1][step], 1e-3 * losses[0][step]) << "step " << step;
}

}  // namespace
}  // namespace neap::gnn::graph_classes_test
