// At once must mean what the interpreter means.
#include "neap/runtime/at_once.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "neap/base/machine.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/blocked_map.h"
#include "tests/support/cases.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::at_once_test {
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

// Sums along either axis take another way through blocks, chains of vectors and what is left over, whatever the length.
TEST(AtOnce, SumsOfOddLengths) {
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::bf16}) {
    for (const std::string_view op : {"sum", "max"}) {
      for (const std::int64_t axis : {0, 1}) {
        Graph graph;
        Builder build(graph);
        const Var x = build.input("x", {dtype, {Dim::symbol("N"), Dim::symbol("M")}, {}});
        graph.add_output(build.call(op, {x}, {{"axes", std::vector<std::int64_t>{axis}}}).id(), "y");
        for (const std::int64_t length : {1, 3, 15, 16, 17, 31, 40, 255, 256, 257, 1000, 1031, 2100, 9001}) {
          const Sizes sizes = axis == 1 ? Sizes{5, length} : Sizes{length, 70};
          const std::vector<Array> inputs{ramp(dtype, sizes)};
          expect_as_interpreted(graph, inputs, dtype == DType::bf16 ? 1e-2 : dtype == DType::f64 ? 1e-12 : 1e-4);
          std::vector<Array> results;
          for (const int threads : {1, 2}) {
            const Threads set(threads);
            results.push_back(run_at_once(graph, inputs)[0]);
          }
          EXPECT_TRUE(same_bits(results[0], results[1])) << length;
        }
      }
    }
  }
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

// Sizes beyond several blocks, where threads are used; the bits are those of one thread.
TEST(AtOnce, LargeValuesOnThreads) {
  for (const char* type : {"f32[300001]", "f32[1000,333]", "f32[3,40,2500]", "f64[2,70001]", "i32[211,911]", "bf16[90001,2]"}) {
    SCOPED_TRACE(type);
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", Type::parse(type));
    const std::vector<std::int64_t> first{0}, last{x.rank() - 1};
    graph.add_output(sum(x, {}).id(), "all");
    graph.add_output(sum(x, first).id(), "first");
    graph.add_output(max(x, last, true).id(), "last");
    graph.add_output(build.call("argmax", {x}).id(), "where");
    graph.add_output((x * x + x).id(), "each");
    if (is_float(x.dtype())) graph.add_output(build.call("softmax", {x}).id(), "softmax");
    const std::vector<Array> inputs{ramp(x.dtype(), evaluate(x.shape(), {}))};
    const auto on_threads = [&](int count) {
      const Threads threads(count);
      return run_at_once(graph, inputs);
    };
    const std::vector<Array> one = on_threads(1), three = on_threads(3);
    EXPECT_TRUE(same_bits(one, three));
    const std::vector<Array> wanted = interpret(graph, inputs);
    for (std::size_t i = 0; i < wanted.size(); ++i) expect_same(one[i], wanted[i], x.dtype() == DType::bf16 ? 0.04 : 1e-4);
  }
}

// Neighbours that stand in one group, read by each other and from outside, and values that nobody wants.
TEST(AtOnce, GroupsOfMaps) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[N,6]")), b = build.input("b", Type::parse("f32[6]"));
  const Var y = exp(x) + b, z = y * y, row = sum(z, {1}, true), back = z / row, turned = transpose(back, {1, 0});
  build.call("neg", {z});
  graph.add_output(y.id(), "y");
  graph.add_output((back - mean(back, {0}, true)).id(), "back");
  graph.add_output(turned.id(), "turned");
  graph.add_output(y.id(), "again");
  graph.add_output(x.id(), "input");
  for (const std::int64_t n : {0, 1, 5, 300}) expect_as_interpreted(graph, {ramp(DType::f32, {n, 6}), ramp(DType::f32, {6})}, 1e-4);
}

// A constant's value is not part of what a plan is kept for.
TEST(AtOnce, ConstantsMayChange) {
  for (const double factor : {2.0, 3.0}) {
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", Type::parse("f32[4]"));
    graph.add_output((x * factor).id(), "y");
    EXPECT_EQ(run_at_once(graph, {Array::full(DType::f32, {4}, 1)})[0].get(2), factor);
  }
}

// The definitions of all operators run in blocks, but for those that have ragged axes of their own, or more than one.
TEST(AtOnce, BlocksTakeEveryDefinition) {
  std::set<std::string> left;
  for (const testing::Case& c : testing::read_cases()) {
    if (find_operator(c.op).define == nullptr) continue;
    const Graph graph = testing::graph_of(c);
    const Node& node = *graph.nodes().back();
    std::vector<Type> inputs, outputs;
    for (const ValueId id : node.inputs) inputs.push_back(id == no_value ? Type{} : graph.type(id));
    for (const ValueId id : node.outputs) outputs.push_back(graph.type(id));
    std::string why;
    if (BlockedMap::make(define(make_call(graph, node)).map, inputs, outputs, c.symbols, &why) == nullptr &&
        why.find("ragged") == std::string::npos)
      left.insert(c.op + ": " + why);
  }
  std::string all;
  for (const std::string& one : left) all += one + "\n";
  EXPECT_EQ(all, "");
}

TEST(AtOnce, IndexOutOfBounds) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[5]")), at = build.input("at", Type::parse("i64[3]"));
  graph.add_output(build.call("gather", {x, at}).id(), "y");
  const auto run = [&](std::int64_t third) { return run_at_once(graph, {ramp(DType::f32, {5}), Array::of<std::int64_t>({0, 4, third})}); };
  EXPECT_EQ(run(2)[0].count(), 3);
  expect_error([&] { run(5); }, "read at 5 on axis 0 of [5]", "gather");
}

TEST(AtOnce, ErrorNamesTheInput) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[N,5]"));
  graph.add_output(exp(x).id(), "y");
  expect_error([&] { run_at_once(graph, {ramp(DType::f32, {2, 4})}); }, "'x'");
}

}  // namespace
}  // namespace neap::at_once_test
