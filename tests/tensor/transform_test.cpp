// What makes functions of functions: gradients and compiled functions.
#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/error.h"
#include "neap/tensor/compile.h"
#include "neap/tensor/functions.h"
#include "neap/tensor/grad.h"
#include "neap/tensor/trace.h"

namespace neap::transform_test {
namespace {

using Doubles = std::vector<double>;

TEST(Gradient, OfAProduct) {
  const auto f = [](const Tensor& x, const Tensor& y) { return sum(x * x * y); };
  const Tensor x = Tensor::of<double>({1, 2}), y = Tensor::of<double>({3, 4});
  EXPECT_EQ(grad(f)(x, y).values<double>(), (Doubles{6, 16}));
  const auto both = value_and_gradients(as_function(f), {0, 1})({x, y});
  EXPECT_EQ(both.value.item(), 19);
  EXPECT_EQ(both.gradients[1].values<double>(), (Doubles{1, 4}));
}

TEST(Gradient, AgreesWithCentralDifferences) {
  const Tensor w = Tensor::of<double>({0.3, -0.2, 0.5, 0.1, 0.7, -0.4}, {3, 2});
  const auto f = [w](const Tensor& x) { return mean(tanh(matmul(x, w)) * exp(-x.slice(1, 0, 2))); };
  const Doubles at{0.1, 0.2, -0.3, 0.4, -0.5, 0.6};
  const Doubles derived = grad(f)(Tensor::of<double>(at, {2, 3})).values<double>();
  for (std::size_t i = 0; i < at.size(); ++i) {
    Doubles up = at, down = at;
    up[i] += 1e-5;
    down[i] -= 1e-5;
    const double slope = (f(Tensor::of<double>(up, {2, 3})).item() - f(Tensor::of<double>(down, {2, 3})).item()) / 2e-5;
    EXPECT_NEAR(derived[i], slope, 1e-8) << i;
  }
}

TEST(Gradient, OfAGradient) {
  const auto cube = [](const Tensor& x) { return sum(x * x * x); };
  const auto slope = [cube](const Tensor& x) { return sum(grad(cube)(x)); };
  EXPECT_EQ(grad(slope)(Tensor::of<double>({2, -3})).values<double>(), (Doubles{12, -18}));
}

TEST(Gradient, StopsWhereAsked) {
  const auto f = [](const Tensor& x) { return sum(x * stop_gradient(x)); };
  EXPECT_EQ(grad(f)(Tensor::of<double>({2, 3})).values<double>(), (Doubles{2, 3}));
}

TEST(Gradient, LossMustBeOneNumber) {
  try {
    grad([](const Tensor& x) { return x * 2; })(Tensor::of<double>({2, 3}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("not one floating-point number"), std::string::npos) << error.what();
  }
}

TEST(VectorJacobian, OfTwoResults) {
  const auto f = vector_jacobian([](const Tensors& x) { return Tensors{x[0] * x[1], x[0] + 1}; });
  const Tensor a = Tensor::of<double>({2, 3}), b = Tensor::of<double>({5, 7});
  const OutputsAndGradients made = f({a, b}, {Tensor::of<double>({1, 1}), Tensor::of<double>({10, 20})});
  EXPECT_EQ(made.outputs[1].values<double>(), (Doubles{3, 4}));
  EXPECT_EQ(made.gradients[0].values<double>(), (Doubles{15, 27}));
  EXPECT_EQ(made.gradients[1].values<double>(), (Doubles{2, 3}));
}

Tensor small_network(const Tensor& x) {
  const Tensor w = Tensor::of<float>({0.5F, -1, 0.25F, 2, 1, -0.75F}, {2, 3});
  return softmax(swish(matmul(x, w)) + 1, -1);
}

void expect_close(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  for (std::int64_t i = 0; i < a.array().count(); ++i) EXPECT_NEAR(a.array().get(i), b.array().get(i), 1e-6) << i;
}

TEST(Compiled, MeansTheSameAsAtOnce) {
  Compiled compiled = compile(small_network);
  const Tensor x = Tensor::of<float>({1, 2, -3, 4, 0.5F, -0.25F}, {3, 2}), y = Tensor::of<float>({1, 2}, {1, 2});
  expect_close(compiled(x), small_network(x));
  expect_close(compiled(y), small_network(y));
  expect_close(compiled(x), small_network(x));
  EXPECT_EQ(compiled.signatures(), 2);
}

TEST(Compiled, SizesMayBeSymbols) {
  Compiled compiled = compile(small_network, {.arguments = {Type::parse("f32[N,2]")}});
  const Tensor x = Tensor::of<float>({1, 2, -3, 4, 0.5F, -0.25F}, {3, 2}), y = Tensor::of<float>({1, 2}, {1, 2});
  expect_close(compiled(x), small_network(x));
  expect_close(compiled(y), small_network(y));
  EXPECT_EQ(compiled.signatures(), 1);
}

TEST(Compiled, TakesGradients) {
  const auto f = [](const Tensor& x) { return sum(exp(x) * x); };
  Compiled slope = compile(grad(f));
  const Tensor x = Tensor::of<float>({0, 1, -2});
  expect_close(slope(x), exp(x) * x + exp(x));
}

TEST(Compiled, IsTracedWithinAnotherFunction) {
  const Compiled square = compile([](const Tensor& x) { return x * x; });
  const auto f = [square](const Tensor& x, const Tensor& y) { return sum(square(x) * y); };
  const Tensor x = Tensor::of<float>({1, 2}), y = Tensor::of<float>({3, 4});
  EXPECT_EQ(grad(f)(x, y).values<float>(), (std::vector<float>{6, 16}));
}

TEST(Trace, NodesComeInTheOrderInWhichTheyWereWritten) {
  const Tensor x = Tensor::placeholder(Type::parse("f32[N,2]"), "x");
  Tensor first;
  {
    const Scope scope("block1/part");
    first = exp(x);
  }
  const Tensor second = tanh(x), unused = sqrt(x), last = second + first * 3;
  const Graph graph = to_graph({{x, "x"}}, {{last, "y"}}, {.name = "f"}).graph;
  std::vector<std::string> ops;
  for (const NodePtr& node : graph.nodes()) ops.push_back(node->op);
  EXPECT_EQ(ops, (std::vector<std::string>{"exp", "tanh", "mul", "add"}));
  EXPECT_EQ(graph.nodes()[0]->origin, std::vector<std::string>{"block1/part: exp"});
}

}  // namespace
}  // namespace neap::transform_test
