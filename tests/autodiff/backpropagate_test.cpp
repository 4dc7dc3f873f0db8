// What flows where: hooks, stopped and integer paths, shared values, vjp, gradients of gradients, and errors.
#include <gtest/gtest.h>

#include <cmath>

#include "neap/autodiff/gradient.h"
#include "neap/ops/interpreter.h"
#include "tests/support/expect_error.h"

namespace neap::backpropagate_test {
namespace {

const Type vector3{DType::f64, {3}, {}};

struct Network {
  Graph graph;
  Builder build{graph};
  Var x = build.input("x", vector3, Role::parameter);
  void loss(const Var& value) { graph.add_output(sum(value, {}).id(), "loss"); }
};

std::vector<double> numbers(const Array& array) {
  std::vector<double> all;
  for (std::int64_t i = 0; i < array.count(); ++i) all.push_back(array.get(i));
  return all;
}

std::vector<double> gradient_at(const Graph& graph, const std::vector<double>& x, const GradientOptions& options = {}) {
  return numbers(interpret(gradient(graph, options), {Array::of(x)}).back());
}

const std::vector<double> at{0.5, -1.5, 2};

void expect_near(const std::vector<double>& got, const std::vector<double>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], wanted[i], 1e-12) << i;
}

TEST(Backpropagate, SumsWhatReachesASharedValue) {
  Network n;
  const Var y = tanh(n.x);
  n.loss(y * y + exp(y) * y - n.x);
  std::vector<double> wanted;
  for (const double x : at) {
    const double y_ = std::tanh(x);
    wanted.push_back((2 * y_ + std::exp(y_) * (y_ + 1)) * (1 - y_ * y_) - 1);
  }
  expect_near(gradient_at(n.graph, at), wanted);
}

TEST(Backpropagate, TheSameOperandTwice) {
  Network n;
  n.loss(n.x * n.x);
  expect_near(gradient_at(n.graph, at), {1, -3, 4});
}

TEST(Backpropagate, StopsWhereItIsTold) {
  Network n;
  n.loss(n.x * n.build.call("stop_gradient", {exp(n.x)}));
  expect_near(gradient_at(n.graph, at), {std::exp(0.5), std::exp(-1.5), std::exp(2)});
}

TEST(Backpropagate, GivesZerosWhereNothingFlows) {
  Network n;
  n.loss(n.build.call("stop_gradient", {n.x}));
  expect_near(gradient_at(n.graph, at), {0, 0, 0});
}

TEST(Backpropagate, IntegersCarryNothing) {
  Network n;
  n.loss(cast(cast(n.x, DType::i32), DType::f64) * n.x + cast(n.build.call("greater", {n.x, n.build.constant(DType::f64, 0)}), DType::f64));
  expect_near(gradient_at(n.graph, at), {0, -1, 2});
}

TEST(Backpropagate, ThroughIndicesOnlyTheValuesGetAGradient) {
  Network n;
  const Var order = n.build.call("argsort", {n.x});
  n.loss(n.build.call("gather", {n.x, order}) * n.build.constant(Array::of<double>({1, 10, 100})));
  expect_near(gradient_at(n.graph, at), {10, 1, 100});
}

TEST(Backpropagate, CastsBetweenFloatsCarryIt) {
  Network n;
  n.loss(cast(cast(n.x, DType::f32) * 2, DType::f64));
  expect_near(gradient_at(n.graph, at), {2, 2, 2});
}

TEST(Backpropagate, SeveralOutputsOfOneNode) {
  Network n;
  const std::vector<Var> parts = n.build.calls("split", {n.x}, {{"sizes", Shape{1, 2}}});
  n.loss(parts[1] * 3);
  expect_near(gradient_at(n.graph, at), {0, 3, 3});
}

TEST(Hooks, ChangeAndSeeTheCotangent) {
  Network n;
  const Var y = n.x * 2;
  n.graph.set_name(y.id(), "middle");
  n.loss(exp(y) + y);
  int called = 0;
  GradientOptions options;
  options.hooks["middle"] = [&](Builder&, const Var& cotangent) {
    ++called;
    return cotangent * 10;
  };
  options.hooks["x"] = [&](Builder& build, const Var& cotangent) {
    ++called;
    return build.call("clip", {cotangent}, {{"low", 0.0}, {"high", 100.0}});
  };
  std::vector<double> wanted;
  for (const double x : at) wanted.push_back(std::min(100.0, 20 * (std::exp(2 * x) + 1)));
  expect_near(gradient_at(n.graph, at, options), wanted);
  EXPECT_EQ(called, 2);  // each once, after all that reaches the value has been added
}

TEST(Vjp, TakesCotangentsOfSeveralOutputs) {
  Network n;
  n.graph.add_output(exp(n.x).id(), "a");
  n.graph.add_output((n.x * 3).id(), "b");
  const Graph backward = vjp(n.graph, {"a", "b"}, {"x"});
  ASSERT_EQ(backward.inputs.size(), 3u);
  EXPECT_EQ(backward.inputs[1].name, "cotangent/a");
  EXPECT_EQ(backward.outputs.back().name, "grad/x");
  const std::vector<Array> results = interpret(backward, {Array::of(at), Array::of<double>({1, 0, 2}), Array::of<double>({0, 1, 1})});
  expect_near(numbers(results.back()), {std::exp(0.5), 3, 2 * std::exp(2) + 3});
}

// The gradient of a weighted sum of the gradient's elements, against central differences of the gradient.
void expect_second_order(Network& n) {
  Graph first = gradient(n.graph);
  Builder build(first);
  const Var slope = build.wrap(first.outputs.back().value);
  const Var weights = build.constant(Array::of<double>({1, -2, 0.5}));
  first.add_output(sum(slope * weights, {}).id(), "weighted");
  const Graph second = gradient(first, {.loss = "weighted"});
  const std::vector<double> got = numbers(interpret(second, {Array::of(at)}).back());
  for (std::size_t i = 0; i < at.size(); ++i) {
    constexpr double h = 1e-5;
    const auto weighted = [&](double shift) {
      std::vector<double> moved = at;
      moved[i] += shift;
      return interpret(first, {Array::of(moved)}).back().get(0);
    };
    EXPECT_NEAR(got[i], (weighted(h) - weighted(-h)) / (2 * h), 1e-6) << i;
  }
}

TEST(SecondOrder, OfElementwiseFunctions) {
  for (const char* op : {"exp", "tanh", "sigmoid", "gelu", "swish", "softplus", "mish", "erf", "sin", "square", "elu", "softsign"}) {
    Network n;
    n.loss(unary(op, n.x) * n.x);
    SCOPED_TRACE(op);
    expect_second_order(n);
  }
}

TEST(SecondOrder, OfComposites) {
  {
    Network n;
    n.loss(n.build.call("logsumexp", {n.x}));
    expect_second_order(n);
  }
  Network n;
  const Var wide = n.build.call("tile", {n.x}, {{"repeats", Shape{2}}});
  n.loss(n.build.call("cumulative_product", {wide}));
  expect_second_order(n);
}

TEST(SecondOrder, OfMapsFromTheDerivedGradient) {
  Network n;
  const Var rows = n.build.call("gather_elements", {n.x, n.build.constant(Array::of<std::int64_t>({2, 0, 2, 1}))});
  const Var bigger = n.build.call("resize", {rows}, {{"sizes", Shape{7}}, {"mode", std::string("linear")}});
  n.loss(exp(bigger) * bigger);
  expect_second_order(n);
}

TEST(SecondOrder, OfReductions) {
  for (const char* op : {"mean", "prod", "max"}) {
    Network n;
    n.loss(n.build.call(op, {n.x * n.x}) * sum(n.x, {}));
    SCOPED_TRACE(op);
    expect_second_order(n);
  }
}

TEST(Errors, SayWhatCannotBeDifferentiated) {
  Network n;
  n.graph.add_output(n.x.id(), "x_itself");
  n.graph.add_output(cast(sum(n.x, {}), DType::i32).id(), "whole");
  expect_error([&] { gradient(n.graph, {.loss = "x_itself"}); }, "the loss is f64[3], not one floating-point number");
  expect_error([&] { gradient(n.graph, {.loss = "whole"}); }, "the loss is i32[], not one floating-point number");
  expect_error([&] { gradient(n.graph, {.loss = "none"}); }, "there is no output 'none'");
  n.loss(n.x);
  expect_error([&] { gradient(n.graph, {.loss = "loss", .with_respect_to = {"y"}}); }, "there is no input 'y' to differentiate");
  GradientOptions hooked{.loss = "loss"};
  hooked.hooks["nobody"] = [](Builder&, const Var& cotangent) { return cotangent; };
  expect_error([&] { gradient(n.graph, hooked); }, "there is no value 'nobody' to hook");
}

TEST(Errors, ReductionsWithoutADerivedGradientNameTheNode) {
  Network n;
  Map map;
  map.axes = {{0, "i", 3, nullptr}};
  const Axis j{1, "j", 3, nullptr};
  map.stages.push_back(
      {{}, 0, {axis_position(map.axes[0])}, reduce(Reduction::prod, {j}, read(0, DType::f64, {axis_position(j)})), Accumulate::none});
  n.loss(n.build.map(map, vector3, {n.x}));
  expect_error([&] { gradient(n.graph); }, "a reduction by prod has no derived gradient");
}

}  // namespace
}  // namespace neap::backpropagate_test
