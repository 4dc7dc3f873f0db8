// Update rules against loops written by hand, in f64.
#include "neap/optim/update_rule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/error.h"
#include "neap/ops/interpreter.h"
#include "neap/optim/adam.h"
#include "neap/optim/lion.h"
#include "neap/optim/schedule.h"
#include "neap/optim/sgd.h"
#include "tests/support/expect_error.h"

namespace neap::update_rule_test {
namespace {

using Doubles = std::vector<double>;

// A step whose gradient is given: grad/w is the input g.
Graph step_of(const UpdateRule& rule, const UpdateOptions& options, const char* type = "f64[1,2]") {
  Graph graph;
  Builder build(graph);
  const Var g = build.input("g", Type::parse(type));
  build.input("w", Type::parse(type), Role::parameter);
  graph.add_output(g.id(), "grad/w");
  append_updates(graph, rule, options);
  return graph;
}

// Runs steps of these gradients from these values; the parameter, or another input, after each.
std::vector<Doubles> run(const Graph& graph, const Doubles& start, const std::vector<Doubles>& gradients, double rate,
                         const std::string& watched = "w") {
  std::vector<Array> inputs;
  for (const Input& input : graph.inputs)
    inputs.push_back(Array::zeros(graph.type(input.value).dtype, evaluate(graph.type(input.value).shape, {})));
  const auto at = [&](const std::string& name) -> Array& {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (graph.inputs[i].name == name) return inputs[i];
    }
    throw Error("no input " + name);
  };
  for (std::size_t i = 0; i < start.size(); ++i) at("w").set(static_cast<std::int64_t>(i), start[i]);
  at("learning_rate").set(0, rate);
  std::vector<Doubles> seen;
  for (std::size_t step = 0; step < gradients.size(); ++step) {
    at("step").set_int(0, static_cast<std::int64_t>(step) + 1);
    for (std::size_t i = 0; i < start.size(); ++i) at("g").set(static_cast<std::int64_t>(i), gradients[step][i]);
    const std::vector<Array> results = interpret(graph, inputs);
    for (std::size_t i = 0; i < results.size(); ++i) {
      EXPECT_GE(graph.outputs[i].updates, 0);
      inputs[static_cast<std::size_t>(graph.outputs[i].updates)] = results[i];
    }
    Doubles now;
    for (std::int64_t i = 0; i < at(watched).count(); ++i) now.push_back(at(watched).get(i));
    seen.push_back(now);
  }
  return seen;
}

const Doubles start{1, -2};
const std::vector<Doubles> gradients{{0.5, 0.1}, {-1, 0.2}, {0.3, 0}, {0, -4}};

template <class Step>
void expect_as(const std::vector<Doubles>& seen, Step&& by_hand) {
  for (std::size_t i = 0; i < start.size(); ++i) {
    double w = start[i], a = 0, b = 0;
    for (std::size_t t = 0; t < gradients.size(); ++t) {
      by_hand(w, a, b, gradients[t][i], static_cast<double>(t + 1));
      EXPECT_NEAR(seen[t][i], w, 1e-12) << "step " << t + 1;
    }
  }
}

TEST(Sgd, PlainAndWithMomentum) {
  expect_as(run(step_of(Sgd(), {}), start, gradients, 0.1), [](double& w, double&, double&, double g, double) { w -= 0.1 * g; });
  expect_as(run(step_of(Sgd({.momentum = 0.9, .weight_decay = 0.01}), {}), start, gradients, 0.1),
            [](double& w, double& v, double&, double g, double) {
              v = 0.9 * v + g + 0.01 * w;
              w -= 0.1 * v;
            });
  expect_as(run(step_of(Sgd({.momentum = 0.9, .nesterov = true}), {}), start, gradients, 0.1),
            [](double& w, double& v, double&, double g, double) {
              v = 0.9 * v + g;
              w -= 0.1 * (g + 0.9 * v);
            });
}

void adam_by_hand(double& w, double& m, double& v, double g, double t) {
  m = 0.9 * m + 0.1 * g;
  v = 0.999 * v + 0.001 * g * g;
  w -= 0.1 * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
}

TEST(Adam, AsAlgorithm1) {
  expect_as(run(step_of(Adam(), {}), start, gradients, 0.1), adam_by_hand);
  expect_as(run(step_of(Adam({.weight_decay = 0.1}), {}), start, gradients, 0.1),
            [](double& w, double& m, double& v, double g, double t) { adam_by_hand(w, m, v, g + 0.1 * w, t); });
}

TEST(AdamW, DecaysTheParameterItself) {
  expect_as(run(step_of(AdamW({.weight_decay = 0.1}), {}), start, gradients, 0.1), [](double& w, double& m, double& v, double g, double t) {
    w *= 1 - 0.1 * 0.1;
    adam_by_hand(w, m, v, g, t);
  });
}

TEST(AdamW, LeavesVectorsUndecayedUnlessAsked) {
  const auto plain = run(step_of(Adam(), {}, "f64[2]"), start, gradients, 0.1);
  EXPECT_EQ(run(step_of(AdamW({.weight_decay = 0.1}), {}, "f64[2]"), start, gradients, 0.1), plain);
  EXPECT_NE(run(step_of(AdamW({.weight_decay = 0.1}), {.decay_vectors = true}, "f64[2]"), start, gradients, 0.1), plain);
}

TEST(Lion, AsAlgorithm2) {
  expect_as(run(step_of(Lion({.weight_decay = 0.1}), {}), start, gradients, 0.1), [](double& w, double& m, double&, double g, double) {
    const double c = 0.9 * m + 0.1 * g;
    w -= 0.1 * ((c > 0) - (c < 0) + 0.1 * w);
    m = 0.99 * m + 0.01 * g;
  });
}

TEST(Updates, ClipByValueAndByNorm) {
  const auto by_value = run(step_of(Sgd(), {.clip_value = 0.25}), start, {{0.5, -0.1}}, 1);
  EXPECT_EQ(by_value[0], (Doubles{0.75, -1.9}));
  const auto by_norm = run(step_of(Sgd(), {.clip_norm = 1}), start, {{3, 4}, {0.3, 0.4}}, 1);
  EXPECT_NEAR(by_norm[0][0], 1 - 0.6, 1e-9);
  EXPECT_NEAR(by_norm[0][1], -2 - 0.8, 1e-9);
  EXPECT_NEAR(by_norm[1][0], by_norm[0][0] - 0.3, 1e-9) << "a gradient that is short already stays";
}

TEST(Updates, KeepAnAverage) {
  const auto seen = run(step_of(Sgd(), {.average = 0.2}), start, gradients, 0.1, "average/w");
  double w = start[0], average = 0;
  for (std::size_t t = 0; t < gradients.size(); ++t) {
    w -= 0.1 * gradients[t][0];
    const double step = static_cast<double>(t + 1), decay = std::min(0.2, (step - 1) / (step + 9));
    average = decay * average + (1 - decay) * w;
    EXPECT_NEAR(seen[t][0], average, 1e-12);
  }
}

TEST(Updates, SixteenBitParametersAreUpdatedInF32) {
  const Graph graph = step_of(AdamW(), {}, "bf16[1,2]");
  for (const Input& input : graph.inputs) {
    if (input.role == Role::state) {
      EXPECT_EQ(graph.type(input.value).dtype, DType::f32) << input.name;
    }
  }
  EXPECT_NEAR(run(graph, start, {{1, 1}}, 0.5)[0][0], 0.5, 0.01);
}

TEST(Updates, NeedAGradientForEveryParameter) {
  Graph graph;
  Builder build(graph);
  build.input("w", Type::parse("f32[2]"), Role::parameter);
  expect_error([&] { append_updates(graph, Sgd()); }, "no gradient for parameter 'w'");
}

TEST(RateSchedule, TakesTheirCourse) {
  EXPECT_EQ(constant_rate(0.5)(99), 0.5);
  const RateSchedule cosine = cosine_rate(1, 10);
  EXPECT_NEAR(cosine(0), 1, 1e-12);
  EXPECT_NEAR(cosine(5), 0.5, 1e-12);
  EXPECT_NEAR(cosine(10), 0, 1e-12);
  EXPECT_NEAR(cosine(50), 0, 1e-12);
  const RateSchedule cycle = one_cycle_rate(4e-3, 100);
  EXPECT_NEAR(cycle(0), 4e-3 / 25, 1e-12);
  EXPECT_NEAR(cycle(29), 4e-3, 1e-12);
  EXPECT_NEAR(cycle(99), 4e-3 / 25 / 1e4, 1e-12);
  EXPECT_LT(cycle(50), cycle(40));
  EXPECT_EQ(step_rate(1, 3, 0.5)(7), 0.25);
  const RateSchedule warm = warm_up(4, constant_rate(1));
  EXPECT_EQ(warm(0), 0.25);
  EXPECT_EQ(warm(3), 1);
  EXPECT_EQ(warm(9), 1);
  EXPECT_THROW(cosine_rate(1, 0), Error);
}

}  // namespace
}  // namespace neap::update_rule_test
