// Rules around others, step by step against numbers that were computed by hand.
#include "neap/train/gradient_rules.h"

#include <gtest/gtest.h>

#include "neap/ops/interpreter.h"
#include "neap/optim/sgd.h"

namespace neap::gradient_rules_test {
namespace {

using Doubles = std::vector<double>;

// A step of plain descent at rate 0.1 whose gradient is given; what stands in the parameter "w" and in the rule's slot after each.
struct Steps {
  Graph graph;
  std::map<std::string, Array> state;

  Steps(const UpdateRule& rule, const Doubles& start) {
    Builder build(graph);
    const Type type{DType::f64, {1, static_cast<std::int64_t>(start.size())}, {}};
    const Var g = build.input("g", type);
    build.input("w", type, Role::parameter);
    graph.add_output(g.id(), "grad/w");
    append_updates(graph, rule);
    for (const Input& input : graph.inputs) {
      const Type& of = graph.type(input.value);
      state[input.name] = Array::zeros(of.dtype, evaluate(of.shape, {}));
    }
    set("w", start);
    state.at("learning_rate").set(0, 0.1);
  }
  void set(const std::string& name, const Doubles& values) {
    for (std::size_t i = 0; i < values.size(); ++i) state.at(name).set(static_cast<std::int64_t>(i), values[i]);
  }
  void step(const Doubles& gradient) {
    set("g", gradient);
    std::vector<Array> inputs;
    for (const Input& input : graph.inputs) inputs.push_back(state.at(input.name));
    const std::vector<Array> results = interpret(graph, inputs);
    for (std::size_t i = 0; i < results.size(); ++i)
      state[graph.inputs[static_cast<std::size_t>(graph.outputs[i].updates)].name] = results[i];
  }
  void expect(const std::string& name, const Doubles& wanted) {
    const Array& is = state.at(name);
    ASSERT_EQ(is.count(), static_cast<std::int64_t>(wanted.size()));
    for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(is.get(static_cast<std::int64_t>(i)), wanted[i], 1e-12) << name << " " << i;
  }
};

// The sum of -w dL/dw, of the weights ahead of each step.
TEST(GradientRules, MovementScores) {
  const Sgd descent;
  const MovementScores rule(descent);
  Steps run(rule, {2, -1, 0});
  run.step({0.5, 1, 3});
  run.expect("w", {1.95, -1.1, -0.3});
  run.expect("optimizer/movement/w", {-1, 1, 0});
  run.step({-1, 2, 1});
  run.expect("w", {2.05, -1.3, -0.4});
  run.expect("optimizer/movement/w", {-1 + 1.95, 1 + 2.2, 0.3});
}

// Of two numbers the larger is applied, the other waits: nothing is lost.
TEST(GradientRules, ErrorFeedback) {
  const Sgd descent;
  const ErrorFeedback rule(descent, "keep_all | dense | magnitude sparsity=0.5");
  Steps run(rule, {0, 0});
  run.step({1, -0.6});
  run.expect("w", {-0.1, 0});
  run.expect("optimizer/residual/w", {0, -0.6});
  run.step({0.5, -0.5});  // with what waited: 0.5, -1.1
  run.expect("w", {-0.1, 0.11});
  run.expect("optimizer/residual/w", {0.5, 0});
  run.step({0.2, 0.1});  // 0.7, 0.1
  run.expect("w", {-0.17, 0.11});
  run.expect("optimizer/residual/w", {0, 0.1});
}

// Movement is that of the whole gradient where feedback stands within it.
TEST(GradientRules, ScoresSeeWhatIsHeldBack) {
  const Sgd descent;
  const ErrorFeedback feedback(descent, "threshold least=0.8");
  const MovementScores rule(feedback);
  Steps run(rule, {1, 2});
  run.step({0.5, -1});
  run.expect("w", {1, 2.1});
  run.expect("optimizer/movement/w", {-0.5, 2});
  run.expect("optimizer/residual/w", {0.5, 0});
  run.step({0.5, 0.25});
  run.expect("w", {0.9, 2.1});
  run.expect("optimizer/movement/w", {-1, 2 - 0.525});
  run.expect("optimizer/residual/w", {0, 0.25});
}

}  // namespace
}  // namespace neap::gradient_rules_test
