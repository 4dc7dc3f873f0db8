// At once must mean what the interpreter means.
#include "neap/runtime/at_once.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "tests/support/cases.h"

namespace neap {
namespace {

Array ramp(DType dtype, Sizes sizes) {
  Array made(dtype, std::move(sizes));
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, is_float(dtype) ? std::sin(1.7 * static_cast<double>(i)) * 3 : i % 7);
  return made;
}

void expect_same(const Array& got, const Array& wanted, double tolerance) {
  ASSERT_EQ(got.dtype(), wanted.dtype());
  ASSERT_EQ(got.sizes(), wanted.sizes());
  for (std::int64_t i = 0; i < got.count(); ++i) {
    const double a = got.get(i), b = wanted.get(i);
    if (std::isnan(b) || std::isinf(b)) {
      EXPECT_TRUE(std::isnan(b) ? std::isnan(a) : a == b) << "at " << i << ": " << a << ", not " << b;
    } else {
      EXPECT_NEAR(a, b, tolerance * std::max(1.0, std::abs(b))) << "at " << i;
    }
  }
}

void expect_as_interpreted(const Graph& graph, const std::vector<Array>& inputs, double tolerance = 1e-5) {
  const std::vector<Array> wanted = interpret(graph, inputs), got = run_at_once(graph, inputs);
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) expect_same(got[i], wanted[i], tolerance);
}

TEST(AtOnce, ChainOfElementwiseOperators) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[N,5]")), b = build.input("b", Type::parse("f32[5]"));
  const Var y = tanh(x * 2.0 + b) / (1.0 + exp(-x));
  graph.add_output(y.id(), "y");
  for (const std::int64_t n : {0, 1, 3, 700}) expect_as_interpreted(graph, {ramp(DType::f32, {n, 5}), ramp(DType::f32, {5})});
}

TEST(AtOnce, CompositeOfReductions) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[3,N]"));
  graph.add_output(build.call("logsumexp", {x}, {{"axes", std::vector<std::int64_t>{1}}, {"keep", true}}).id(), "y");
  graph.add_output(mean(x, {0}).id(), "m");
  for (const std::int64_t n : {1, 2, 1031}) expect_as_interpreted(graph, {ramp(DType::f32, {3, n})});
}

double tolerance_of(DType dtype, double f32) {
  return dtype == DType::bf16 ? 0.04 : dtype == DType::f16 ? 0.005 : dtype == DType::f64 ? 1e-12 : f32;
}

TEST(AtOnce, EveryOperatorsCases) {
  for (const testing::Case& given : testing::read_cases()) {
    for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::f16}) {
      SCOPED_TRACE(given.place + ": " + given.text + " as " + std::string(name(dtype)));
      const testing::Case c = dtype == DType::f32 ? given : testing::with_dtype(given, dtype);
      const Graph graph = testing::graph_of(c);
      const std::vector<Array> inputs = testing::inputs_of(c), wanted = interpret(graph, inputs), got = run_at_once(graph, inputs);
      ASSERT_EQ(got.size(), wanted.size());
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(testing::close(got[i], wanted[i], tolerance_of(dtype, std::max(c.tolerance, 1e-5))));
    }
  }
}

TEST(AtOnce, ErrorNamesTheInput) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[N,5]"));
  graph.add_output(exp(x).id(), "y");
  try {
    run_at_once(graph, {ramp(DType::f32, {2, 4})});
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'x'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace neap
