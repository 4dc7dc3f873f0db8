#include "neap/train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <csignal>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/data/array_dataset.h"
#include "neap/nn/batch_norm.h"
#include "neap/nn/dropout.h"
#include "neap/nn/linear.h"
#include "neap/nn/sequential.h"
#include "neap/optim/adam.h"
#include "neap/optim/sgd.h"
#include "neap/train/diagnose.h"
#include "neap/transform/optimizer.h"
#include "tests/support/expect_error.h"

namespace neap::trainer_test {
namespace {

// Points in the plane; the class is the quadrant.
DatasetPtr quadrants(std::int64_t count) {
  Array x(DType::f32, {count, 2}), y(DType::i64, {count});
  for (std::int64_t i = 0; i < count; ++i) {
    const double a = std::sin(12.9898 * static_cast<double>(i + 1)), b = std::sin(78.233 * static_cast<double>(i + 1));
    x.set(2 * i, a);
    x.set(2 * i + 1, b);
    y.set_int(i, (a > 0 ? 1 : 0) + (b > 0 ? 2 : 0));
  }
  return array_dataset({"x", "y"}, {x, y});
}

class Net : public Layer {
 public:
  Tensor forward(const Tensor& x) override { return out_(drop_(tanh(norm_(hidden_(x))))); }

 private:
  Linear& hidden_ = add<Linear>("hidden", 2, 8);
  BatchNorm& norm_ = add<BatchNorm>("norm", 8);
  Dropout& drop_ = add<Dropout>("drop", 0.1);
  Linear& out_ = add<Linear>("out", 8, 4);
};

// Without a compiler: what is tested here is the trainer.
Executable interpreted(const Graph& graph) {
  Optimizer optimizer(graph);
  optimizer.optimize(0);
  return Executable(optimizer.graph(), {.compile = false});
}

TrainerOptions options(std::int64_t epochs, const std::filesystem::path& folder = {}) {
  return {.epochs = epochs, .batch = 16, .seed = 5, .schedule = constant_rate(0.05), .folder = folder, .progress = false};
}

struct Training {
  Net net;
  std::unique_ptr<Trainer> trainer;
  explicit Training(const TrainerOptions& options, DatasetPtr data = quadrants(70)) {
    trainer = std::make_unique<Trainer>(net, classification(net), AdamW(), std::move(data), nullptr, options);
    trainer->use(interpreted(trainer->step_graph()));
  }
};

void expect_same_bits(const NamedArrays& a, const NamedArrays& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, array] : a) EXPECT_EQ(bytes_of(array), bytes_of(b.at(name))) << name;
}

TEST(Trainer, Learns) {
  Training run(options(12));
  EXPECT_EQ(run.trainer->run(), Outcome::finished);
  const auto& history = run.trainer->history();
  ASSERT_EQ(history.size(), 12U);
  EXPECT_LT(history.back().training.loss, 0.6 * history.front().training.loss);
  EXPECT_GT(history.back().training.metrics.at("correct"), 0.8);
  EXPECT_EQ(run.trainer->steps_done(), 12 * 4);
  EXPECT_EQ(run.net.find("hidden.weight").value().values<float>()[0],
            static_cast<float>(run.trainer->state().arrays().at("hidden.weight").get(0)));
}

TEST(Trainer, EvaluatesEachEpoch) {
  Net net;
  const DatasetPtr data = quadrants(40);
  Trainer trainer(net, classification(net), AdamW(), data, quadrants(23), options(1));
  trainer.use(interpreted(trainer.step_graph()));
  trainer.run();
  ASSERT_TRUE(trainer.history()[0].test.has_value());
  EXPECT_EQ(trainer.history()[0].test->examples, 23);
  const Array logits = predict(net, *quadrants(23), 10);
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < 23; ++i) {
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < 4; ++c) best = logits.get(4 * i + c) > logits.get(4 * i + best) ? c : best;
    right += best == quadrants(23)->range(i, i + 1)[1].get_int(0) ? 1 : 0;
  }
  EXPECT_NEAR(trainer.history()[0].test->metrics.at("correct"), static_cast<double>(right) / 23, 1e-9);
}

TEST(Trainer, StoppedByASignalAndStartedAgainGivesTheSameBits) {
  Training whole(options(3));
  whole.trainer->run();

  const TemporaryFolder folder;
  int stops = 0;
  for (bool finished = false; !finished; ++stops) {
    ASSERT_LT(stops, 20);
    TrainerOptions limited = options(3, folder.path());
    limited.after_epoch = [](const EpochRecord&) { std::raise(SIGINT); };
    Net net;
    Trainer trainer(net, classification(net), AdamW(), quadrants(70), nullptr, limited);
    EXPECT_EQ(trainer.resumed(), stops > 0);
    trainer.use(interpreted(trainer.step_graph()));
    finished = trainer.run() == Outcome::finished;
    if (finished) {
      expect_same_bits(trainer.state().arrays(), whole.trainer->state().arrays());
      EXPECT_EQ(trainer.losses(), whole.trainer->losses());
      EXPECT_EQ(trainer.history().size(), 3U);
    }
  }
  EXPECT_GT(stops, 1);
}

TEST(Trainer, RefusesTheCheckpointOfAnotherNetworkOrRun) {
  const TemporaryFolder folder;
  {
    Training run(options(1, folder.path()));
    run.trainer->run();
  }
  Sequential other;
  other.then<Linear>("hidden", 2, 7).then<Linear>("out", 7, 4);
  const auto with = [&](Layer& net, const TrainerOptions& how) {
    return error_of([&] { Trainer(net, classification(net), AdamW(), quadrants(70), nullptr, how); });
  };
  const std::string error = with(other, options(1, folder.path()));
  EXPECT_NE(error.find("another network: 'hidden.bias' is f32[8] there, f32[7] here"), std::string::npos) << error;
  TrainerOptions reseeded = options(1, folder.path());
  reseeded.seed = 6;
  Net net;
  EXPECT_NE(with(net, reseeded).find("seed is 5 there, 6 here"), std::string::npos);
  Sequential smaller;
  smaller.then<Linear>("hidden", 2, 8);
  EXPECT_NE(with(smaller, options(1, folder.path())).find("which is not in this one"), std::string::npos);
}

TEST(Trainer, NamesStepNodeAndValueThatIsNotFinite) {
  const TemporaryFolder folder;
  Array x = Array::full(DType::f32, {64, 2}, 1.0), y = Array::zeros(DType::f32, {64, 2});
  const DatasetPtr data = array_dataset({"x", "y"}, {x, y});
  Sequential net;
  net.then<Linear>("grow", 2, 2);
  // Each step multiplies the error: it overflows after a while.
  const Objective objective = [&net](const Tensors& in) {
    const Scope scope("loss");
    return Measures{mean(square(net(in[0]) - in[1])), {}};
  };
  TrainerOptions how{.epochs = 100, .batch = 16, .schedule = constant_rate(100), .folder = folder.path(), .progress = false};
  Trainer trainer(net, objective, Sgd(), data, nullptr, how);
  trainer.use(interpreted(trainer.step_graph()));
  const std::string error = error_of([&] { trainer.run(); });
  EXPECT_EQ(error.rfind("step ", 0), 0U) << error;
  EXPECT_NE(error.find("gives inf"), std::string::npos) << error;
  EXPECT_NE(error.find("node %"), std::string::npos) << error;
  EXPECT_NE(error.find("lower the learning rate"), std::string::npos) << error;
  Trainer again(net, objective, Sgd(), data, nullptr, how);
  EXPECT_TRUE(again.resumed());
  for (const auto& [name, array] : again.state().arrays()) EXPECT_TRUE(all_finite(array)) << name;
}

TEST(Diagnose, FindsTheFirstNodeThatMakesIt) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[3]"));
  build.set_scope("part");
  graph.add_output(sum(log(x) + 1.0, {}).id(), "y");
  const NotFinite found = first_not_finite(graph, {Array::of<float>({1, -1, 0})});
  EXPECT_EQ(found.what, "log gives nan");
  EXPECT_NE(found.place.find("(part: log), element 1 of f32[3]"), std::string::npos) << found.place;
  EXPECT_EQ(first_not_finite(graph, {Array::of<float>({1, INFINITY, 0})}).what, "input 'x' holds inf");
  EXPECT_EQ(first_not_finite(graph, {Array::of<float>({1, 2, 3})}).what, "");
}

TEST(TrainingStep, HoldsLossGradientUpdateAndStatistics) {
  Net net;
  const Graph step = training_step(net, {{"x", Type::parse("f32[16,2]")}, {"y", Type::parse("i64[16]")}}, classification(net), AdamW());
  std::vector<std::string> outputs;
  for (const Output& output : step.outputs) outputs.push_back(output.name);
  EXPECT_EQ(outputs[0], "loss");
  EXPECT_EQ(outputs[1], "correct");
  for (const char* name : {"next/hidden.weight", "next/norm.running_mean", "next/optimizer/mean/out.bias"}) {
    EXPECT_NE(std::find(outputs.begin(), outputs.end(), name), outputs.end()) << name;
  }
  for (const Output& output : step.outputs) {
    if (output.updates < 0) continue;
    EXPECT_EQ(output.name, "next/" + step.inputs[static_cast<std::size_t>(output.updates)].name);
    EXPECT_EQ(step.type(output.value), step.type(step.inputs[static_cast<std::size_t>(output.updates)].value));
  }
}

}  // namespace
}  // namespace neap::trainer_test
