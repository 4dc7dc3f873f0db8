// Gradients of every differentiable operator, on the calls of tests/shapes, against central differences in f64.
#include "neap/autodiff/gradient.h"

#include <gtest/gtest.h>

#include "neap/ops/interpreter.h"
#include "tests/support/cases.h"

namespace neap {
namespace {

using testing::Case;

// The loss: a weighted sum of all floating-point outputs, so that each element of a cotangent is another. What nothing reaches and is
// infinite (the largest of no elements) is left out.
Var weighted_sum(Builder& build, const std::vector<Output>& outputs) {
  Var loss = build.constant(DType::f64, 0);
  double seed = 0;
  for (const Output& output : outputs) {
    if (!is_float(build.wrap(output.value).dtype())) continue;
    const Var y = cast(build.wrap(output.value), DType::f64);
    Var at = build.call("arange", {}, {{"size", Shape{element_count(y.shape())}}, {"dtype", DType::f64}});
    at = reshape(unary("sin", at * 0.7 + (seed += 1.0)) + 1.3, y.shape());
    loss = loss + sum(where(unary("is_finite", y), y * at, build.constant(DType::f64, 0)), {});
  }
  return loss;
}

constexpr std::int64_t most_elements = 32;  // of one operand, each against its own central difference

double value_of(const Graph& graph, const std::vector<Array>& inputs) { return interpret(graph, inputs).back().get(0); }

class Gradients : public ::testing::TestWithParam<Case> {};

struct Backward {
  Graph forward, graph;
  bool any = false;  // whether there is something to differentiate with respect to
};

Backward backward_of(const Case& one) {
  Backward made{testing::graph_of(one), {}, false};
  Graph& graph = made.forward;
  Builder build(graph);
  const std::vector<Output> outputs = graph.outputs;
  graph.add_output(weighted_sum(build, outputs).id(), "loss");
  GradientOptions options{.loss = "loss"};
  for (const Input& input : graph.inputs) {
    if (is_float(graph.type(input.value).dtype)) options.with_respect_to.push_back(input.name);
  }
  made.any = !options.with_respect_to.empty();
  if (made.any) made.graph = gradient(graph, options);
  return made;
}

TEST_P(Gradients, AgreeWithCentralDifferences) {
  const Case one = testing::with_dtype(GetParam(), DType::f64);
  const Backward backward = backward_of(one);
  ASSERT_TRUE(backward.any);
  const std::vector<Array> inputs = testing::inputs_of(one);
  const std::vector<Array> results = interpret(backward.graph, inputs);
  std::size_t at = backward.forward.outputs.size();
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    if (!is_float(inputs[k].dtype())) continue;
    const Array& got = results[at++];
    ASSERT_EQ(got.sizes(), inputs[k].sizes());
    // Large operands: elements spread over all rows and columns (the step is a prime).
    for (std::int64_t each = 0; each < std::min<std::int64_t>(inputs[k].count(), most_elements); ++each) {
      const std::int64_t i = each * 7919 % inputs[k].count();
      const double x = inputs[k].get(i), h = 1e-5 * std::max(1.0, std::abs(x));
      std::vector<Array> moved = inputs;
      moved[k] = inputs[k].clone();
      moved[k].set(i, x + h);
      const double above = value_of(backward.forward, moved);
      moved[k].set(i, x - h);
      const double below = value_of(backward.forward, moved), wanted = (above - below) / (2 * h);
      ASSERT_NEAR(got.get(i), wanted, 2e-6 * std::max(1.0, std::abs(wanted))) << "input " << k << ", element " << i << ": " << one.text;
    }
  }
}

TEST_P(Gradients, LowerToMaps) {
  const Case one = testing::with_dtype(GetParam(), DType::f64);
  const Graph backward = backward_of(one).graph;
  const std::vector<Array> inputs = testing::inputs_of(one);
  const std::vector<Array> wanted = interpret(backward, inputs), got = interpret(lower_to_maps(backward), inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(testing::close(got[i], wanted[i], 0)) << one.text;
}

// Gradients have their operands' dtypes, whichever these are (backpropagate checks each).
TEST_P(Gradients, KeepTheDtype) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) EXPECT_NO_THROW(backward_of(testing::with_dtype(GetParam(), dtype)));
}

std::vector<Case> differentiable_cases() {
  std::vector<Case> cases;
  try {
    for (Case& one : testing::read_cases()) {
      const Operator& op = find_operator(one.op);
      const bool floats = std::any_of(one.inputs.begin(), one.inputs.end(),
                                      [](const testing::CaseInput& i) { return i.present && is_float(i.type.dtype); });
      if (one.gradient && floats && op.differentiable && !testing::has_special_values(one)) cases.push_back(std::move(one));
    }
  } catch (const Error&) {
    return {};  // test_ops says what is wrong
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Lines, Gradients, ::testing::ValuesIn(differentiable_cases()), [](const ::testing::TestParamInfo<Case>& info) {
  std::string place = info.param.op + "_" + info.param.place.substr(7);
  for (char& c : place) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return place;
});

}  // namespace

namespace testing {
void PrintTo(const Case& one, std::ostream* out) { *out << one.place << ": " << one.text; }
}  // namespace testing
}  // namespace neap
