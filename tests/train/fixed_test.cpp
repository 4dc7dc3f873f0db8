// Fixed inputs of a step: given once, not saved, and known again; the best epoch kept, and a run that ends early.
#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/file.h"
#include "neap/data/array_dataset.h"
#include "neap/nn/linear.h"
#include "neap/optim/adam.h"
#include "neap/train/trainer.h"
#include "tests/support/expect_error.h"

namespace neap::fixed_test {
namespace {

Array waves(const Sizes& sizes) {
  Array made(DType::f32, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::sin(12.9898 * static_cast<double>(i + 1)));
  return made;
}

// Which rows of a fixed table count; the class of a row is the sign of its first element, for every seventh turned round.
DatasetPtr rows(std::int64_t begin, std::int64_t end, const Array& table) {
  Array which(DType::i64, {end - begin}), labels(DType::i64, {end - begin});
  for (std::int64_t i = begin; i < end; ++i) {
    which.set_int(i - begin, i);
    labels.set_int(i - begin, (table.get(3 * i) > 0) != (i % 7 == 0) ? 1 : 0);
  }
  return array_dataset({"rows", "labels"}, {which, labels});
}

struct TableRun {
  Array table;
  Linear net{3, 2};
  Objective objective = [this](const Tensors& in) {
    const Tensor logits = take(net(in[2]), in[0]);
    return Measures{call("cross_entropy", {logits, in[1]}), {{"correct", sum((argmax(logits, 1) == in[1]).cast(DType::f32))}}};
  };
  Adam rule;
  std::unique_ptr<Trainer> trainer;

  TableRun(const Array& features, TrainerOptions how, bool validate = true) : table(features) {
    how.batch = 20;
    how.fixed = {{"table", table}};
    how.shuffle = false;
    how.progress = false;
    how.level = 0;
    how.schedule = constant_rate(0.1);
    trainer = std::make_unique<Trainer>(net, objective, rule, rows(0, 20, table), validate ? rows(20, 30, table) : nullptr, how);
  }
};

TEST(FixedInputs, AreOfThatRoleAndLearntFrom) {
  TableRun run(waves({30, 3}), {.epochs = 40});
  bool fixed = false;
  for (const Input& input : run.trainer->step_graph().inputs) fixed |= input.name == "table" && input.role == Role::fixed;
  EXPECT_TRUE(fixed);
  EXPECT_EQ(run.trainer->run(), Outcome::finished);
  EXPECT_LT(run.trainer->losses().back(), 0.8 * run.trainer->losses().front());
  EXPECT_EQ(run.trainer->state().arrays().count("table"), 0U);
}

TEST(FixedInputs, ARunGoesOnWithTheSameOnesOnly) {
  const TemporaryFolder folder;
  TableRun whole(waves({30, 3}), {.epochs = 6});
  whole.trainer->run();
  { TableRun(waves({30, 3}), {.epochs = 3, .folder = folder.path()}).trainer->run(); }
  TableRun rest(waves({30, 3}), {.epochs = 6, .folder = folder.path()});
  EXPECT_TRUE(rest.trainer->resumed());
  rest.trainer->run();
  EXPECT_EQ(rest.trainer->losses(), whole.trainer->losses());
  Array other = waves({30, 3});
  other.set(17, 0.5);
  expect_error([&] { TableRun(other, {.epochs = 6, .folder = folder.path()}); }, "a run on other data: 'table'", folder.path().string());
}

TEST(FixedInputs, AMissingOneIsNamed) {
  TableRun run(waves({30, 3}), {.epochs = 1});
  expect_error([&] { StepState(run.trainer->step_graph(), run.net, 0, {}); }, "no array for the fixed input 'table'");
}

TEST(BestEpoch, IsKeptAndEndsARun) {
  const TemporaryFolder folder;
  TableRun run(waves({30, 3}), {.epochs = 300, .keep_best = "correct", .patience = 12, .save_every = 5, .folder = folder.path()});
  run.trainer->run();
  const auto& history = run.trainer->history();
  const std::int64_t best = run.trainer->best().epoch();
  ASSERT_GE(best, 0);
  EXPECT_LT(history.size(), 300U);
  EXPECT_EQ(static_cast<std::int64_t>(history.size()), best + 1 + 12);
  for (std::size_t i = 0; i < history.size(); ++i) {
    const double mine = history[i].test->metrics.at("correct");
    if (static_cast<std::int64_t>(i) < best) {
      EXPECT_LT(mine, run.trainer->best().value());
    } else {
      EXPECT_LE(mine, run.trainer->best().value());
    }
  }
  const std::vector<float> kept = run.net.find("weight").value().values<float>();
  Evaluator evaluator(run.net, run.objective, rows(20, 30, run.table), 10, 0, {{"table", run.table}});
  NamedArrays parameters;
  for (const Parameter* parameter : run.net.parameters()) parameters[parameter->name()] = parameter->value().array();
  EXPECT_NEAR(evaluator.run(parameters).metrics.at("correct"), run.trainer->best().value(), 1e-12);
  // The run is over: started again it ends at once, with the same parameters.
  TableRun again(waves({30, 3}), {.epochs = 300, .keep_best = "correct", .patience = 12, .folder = folder.path()});
  again.trainer->run();
  EXPECT_EQ(again.trainer->history().size(), history.size());
  EXPECT_EQ(again.net.find("weight").value().values<float>(), kept);
}

TEST(BestEpoch, NeedsDataAndAMeasure) {
  expect_error([] { TableRun(waves({30, 3}), {.keep_best = "correct"}, false); }, "data that are not trained on");
  expect_error([] { TableRun(waves({30, 3}), {.patience = 3}); }, "data that are not trained on");
  TableRun run(waves({30, 3}), {.epochs = 2, .keep_best = "corect"});
  expect_error([&] { run.trainer->run(); }, "no metric 'corect'");
}

TEST(PredictionStep, ComputesInEvaluationMode) {
  TableRun run(waves({30, 3}), {.epochs = 1});
  const Graph graph =
      prediction_step(run.net, inputs_of(FixedInputs{{"table", run.table}}), [&](const Tensors& in) { return run.net(in[0]); });
  ASSERT_EQ(graph.inputs.size(), 3U);
  EXPECT_EQ(graph.inputs[0].role, Role::fixed);
  EXPECT_EQ(graph.outputs[0].name, "output");
}

}  // namespace
}  // namespace neap::fixed_test
