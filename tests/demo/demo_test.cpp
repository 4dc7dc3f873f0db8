// The parts of the demo on small things; the whole runs as `neap demo --quick`.
#include <gtest/gtest.h>

#include <cmath>

#include "neap/data/array_dataset.h"
#include "neap/demo/compare.h"
#include "neap/demo/export.h"
#include "neap/demo/network.h"
#include "neap/demo/predictions.h"
#include "neap/demo/summary.h"
#include "neap/nn/linear.h"
#include "neap/optim/adam.h"
#include "neap/train/state.h"
#include "neap/train/step.h"
#include "tests/support/expect_error.h"

namespace neap::demo_test {
namespace {

TEST(DemoNetwork, HasAbout55000Parameters) {
  const auto net = efficient_net_28();
  EXPECT_GT(net->parameter_count(), 50000);
  EXPECT_LT(net->parameter_count(), 60000);
}

TEST(Predictions, TheFirstOfTheLargestIsTaken) {
  const Array logits = Array::of(std::vector<float>{1, 3, 3, -5, -1, -2}, {2, 3});
  EXPECT_EQ(predicted(logits), (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(accuracy(logits, {1, 0}), 0.5);
}

TEST(Predictions, TiesAreNoDifferences) {
  const Array a = Array::of(std::vector<float>{1, 2, 1, 1.0005F, 3, 0}, {3, 2});
  const Array b = Array::of(std::vector<float>{1, 2, 1.0005F, 1, 0, 3}, {3, 2});
  const Agreement found = agreement(a, b);
  EXPECT_EQ(found.same, 1);
  EXPECT_EQ(found.ties, 1);
  EXPECT_EQ(found.different, 1);
  EXPECT_EQ(found.largest_difference, 3);
}

TEST(Predictions, NaNIsADifference) {
  const Array a = Array::of(std::vector<float>{1, 2}, {1, 2}), b = Array::of(std::vector<float>{1, NAN}, {1, 2});
  EXPECT_TRUE(std::isnan(agreement(a, b).largest_difference));
}

class Net : public Layer {
 protected:
  Tensor forward(const Tensor& x) override { return out_(tanh(hidden_(x))); }

 private:
  Linear& hidden_ = add<Linear>("hidden", 3, 5);
  Linear& out_ = add<Linear>("out", 5, 2);
};

struct Step {
  Net net;
  AdamW rule;
  Graph graph;
  StepData data;
  Step() {
    net.initialize(3);
    const DType f32 = DType::f32, i64 = DType::i64;
    graph = training_step(net, {{"x", {f32, {4, 3}, {}}}, {"y", {i64, {4}, {}}}}, classification(net), rule);
    Array x(f32, {4, 3});
    for (std::int64_t i = 0; i < x.count(); ++i) x.set(i, std::sin(static_cast<double>(5 * i)));
    data = {{x, Array::of(std::vector<std::int64_t>{0, 1, 1, 0})}, 0.01, 2};
  }
};

TEST(Compare, AStepAsWrittenAndOptimisedAgree) {
  Step step;
  Optimizer optimizer(step.graph);
  optimizer.optimize(4);
  const NamedArrays trained = StepState(step.graph, step.net).copy();
  const StepComparison found = compare_steps(step.graph, optimizer, step.net, trained, step.data, 3);
  EXPECT_LT(found.loss.relative, 1e-5);
  EXPECT_EQ(found.gradients.arrays, 4);  // two weights, two biases
  EXPECT_LT(found.gradients.relative, 1e-4);
  EXPECT_EQ(found.parameters.arrays, 12);  // and two moments of each
  EXPECT_LT(found.parameters.relative, 1e-3);
  EXPECT_GT(found.as_written.cost.bytes, found.optimised.cost.bytes);
  EXPECT_FALSE(edit_summary(optimizer).empty());
}

TEST(Compare, AWrongStepIsSeen) {
  Step step;
  Net other;
  const AdamW rule;
  // The same names, another loss: its gradients are not those of the step as written.
  const Graph wrong =
      training_step(other, {{"x", {DType::f32, {4, 3}, {}}}, {"y", {DType::i64, {4}, {}}}}, classification(other, 0.5), rule);
  Optimizer optimizer(wrong);
  optimizer.optimize(4);
  const NamedArrays trained = StepState(step.graph, step.net).copy();
  const StepComparison found = compare_steps(step.graph, optimizer, step.net, trained, step.data, 1);
  EXPECT_GT(found.gradients.relative, 1e-2);
  EXPECT_GT(found.loss.relative, 1e-3);
}

TEST(Export, ArraysGoThereAndBack) {
  Net a, b;
  a.initialize(1);
  b.initialize(2);
  set_arrays(b, arrays_of(a), "test");
  for (const auto& [name, array] : arrays_of(a)) {
    const Array mine = arrays_of(b).at(name);
    for (std::int64_t i = 0; i < array.count(); ++i) EXPECT_EQ(array.get(i), mine.get(i)) << name;
  }
  NamedArrays broken = arrays_of(a);
  broken.erase("out.bias");
  try {
    set_arrays(b, broken, "file");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.problem(), "the file is of another network: 'out.bias', f32[2], is missing");
  }
  broken["out.bias"] = Array::zeros(DType::f64, {2});
  expect_error([&] { set_arrays(b, broken, "file"); }, "'out.bias', f32[2], is f64[2]");
}

}  // namespace
}  // namespace neap::demo_test
