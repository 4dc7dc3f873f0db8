// Where values lie when a graph runs: inputs that are updated, outputs that are asked for twice, sizes and arrays that change between runs.
#include "neap/runtime/executable.h"

#include <gtest/gtest.h>

#include "neap/ops/builder.h"
#include "tests/support/expect_error.h"

namespace neap::executable_test {
namespace {

std::vector<float> values(const Array& array) { return {array.values<float>().begin(), array.values<float>().end()}; }
Array array(const std::vector<float>& elements) { return Array::of(elements); }
using Floats = std::vector<float>;

const Type vector_of_n{DType::f32, {Dim::symbol("N")}, {}};

// Both ways to run maps place values alike.
class Places : public ::testing::TestWithParam<bool> {
 protected:
  Graph graph;
  Builder build{graph};
  Var x = build.input("x", vector_of_n), w = build.input("w", vector_of_n, Role::parameter);
  Executable made() {
    ExecutableOptions options;
    options.compile = GetParam();
    return Executable(lower_to_maps(graph), options);
  }
};

TEST_P(Places, AnUpdateIsWrittenIntoItsInput) {
  graph.add_output((w + x).id(), "next/w", 1);
  Executable run = made();
  const Array weights = array({10, 20});
  const std::vector<Array> results = run.run({array({1, 2}), weights});
  EXPECT_EQ(results[0].raw(), weights.raw());
  EXPECT_EQ(values(weights), (Floats{11, 22}));
  EXPECT_EQ(values(run.run({array({1, 1}), weights})[0]), (Floats{12, 23}));
}

// Rows of two vectors and a part of one: no element is updated twice where the last vector overlaps the one before.
TEST_P(Places, RowsThatEndWithinAVectorAreUpdatedOnce) {
  Graph rows;
  Builder rows_of(rows);
  const Var bias = rows_of.input("b", {DType::f32, {44}, {}}), state = rows_of.input("s", {DType::f32, {3, 44}, {}}, Role::state);
  rows.add_output((state + bias).id(), "next/s", 1);
  ExecutableOptions options;
  options.compile = GetParam();
  Executable run(lower_to_maps(rows), options);
  const Array kept = Array::zeros(DType::f32, {3, 44}), ones = Array::full(DType::f32, {44}, 1);
  const std::vector<Array> results = run.run({ones, kept});
  EXPECT_EQ(results[0].raw(), kept.raw());
  EXPECT_EQ(values(kept), Floats(3 * 44, 1));
}

TEST_P(Places, AnUpdateAskedForTwiceIsCopied) {
  const Var next = w + x;
  graph.add_output(next.id(), "seen");
  graph.add_output(next.id(), "next/w", 1);
  graph.add_output(next.id(), "again");
  Executable run = made();
  const Array weights = array({10, 20});
  const std::vector<Array> results = run.run({array({1, 2}), weights});
  for (const Array& result : results) EXPECT_EQ(values(result), (Floats{11, 22}));
  EXPECT_NE(results[0].raw(), results[1].raw());
  EXPECT_EQ(results[1].raw(), weights.raw());
  EXPECT_NE(results[2].raw(), results[1].raw());
}

TEST_P(Places, OneValueUpdatesTwoInputs) {
  const Var v = build.input("v", vector_of_n, Role::state);
  const Var next = w + x + v;
  graph.add_output(next.id(), "next/w", 1);
  graph.add_output(next.id(), "next/v", 2);
  Executable run = made();
  const Array weights = array({10, 20}), state = array({100, 200});
  const std::vector<Array> results = run.run({array({1, 2}), weights, state});
  EXPECT_EQ(results[0].raw(), weights.raw());
  EXPECT_EQ(results[1].raw(), state.raw());
  EXPECT_EQ(values(weights), (Floats{111, 222}));
  EXPECT_EQ(values(state), (Floats{111, 222}));
}

TEST_P(Places, TheOldValueIsThereWhereItIsAskedFor) {
  graph.add_output((w * x).id(), "next/w", 1);
  graph.add_output(w.id(), "old");
  graph.add_output(build.constant(array({7})).id(), "seven");
  Executable run = made();
  const Array weights = array({10, 20});
  for (const Floats& wanted : {Floats{20, 40}, Floats{40, 80}}) {
    const Floats before = values(weights);
    const std::vector<Array> results = run.run({array({2, 2}), weights});
    EXPECT_EQ(results[0].raw(), weights.raw());
    EXPECT_EQ(values(results[0]), wanted);
    EXPECT_EQ(values(results[1]), before);
    EXPECT_EQ(values(results[2]), (Floats{7}));
  }
}

TEST_P(Places, ResultsOfAnEarlierRunStay) {
  graph.add_output((w * x).id(), "y");
  Executable run = made();
  const Array first = run.run({array({2, 3}), array({1, 2})})[0];
  const Array second = run.run({array({5, 5}), array({1, 2})})[0];
  EXPECT_EQ(values(first), (Floats{2, 6}));
  EXPECT_EQ(values(second), (Floats{5, 10}));
}

TEST_P(Places, SizesMayChangeAndComeBack) {
  graph.add_output((tanh(w * x) * 0.0 + w).id(), "y");
  Executable run = made();
  for (const std::int64_t size : {3, 1, 0, 3, 257}) {
    const Array given = Array::full(DType::f32, {size}, static_cast<double>(size));
    EXPECT_EQ(values(run.run({given, given})[0]), Floats(static_cast<std::size_t>(size), static_cast<float>(size)));
  }
  for (std::int64_t size = 1; size < 150; ++size) {  // more than are remembered
    const Array given = Array::full(DType::f32, {size}, 2);
    EXPECT_EQ(values(run.run({given, given})[0]).back(), 2);
  }
}

TEST_P(Places, WrongInputsAreNamedAlsoAfterAGoodRun) {
  graph.add_output((w * x).id(), "y");
  Executable run = made();
  run.run({array({2, 3}), array({1, 2})});
  expect_error([&] { run.run({array({2, 3}), array({1, 2, 3})}); }, "'w'", "");
  expect_error([&] { run.run({array({2, 3}), Array::zeros(DType::f64, {2})}); }, "input 'w' is f64, not f32");
  expect_error([&] { run.run({array({2, 3})}); }, "takes 2 inputs, not 1");
  EXPECT_EQ(values(run.run({array({2, 3}), array({1, 2})})[0]), (Floats{2, 6}));
}

TEST_P(Places, AConstantLiesAsItsTypeSays) {
  const std::vector<float> elements = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Dim n = Dim::symbol("N");
  for (const std::string layout : {"ab", "ba", "Ab2a", "aB4b", "BA2a2b"}) {
    Graph one;
    Builder in_one(one);
    const Var table(in_one.constant(Array::of(elements, {5, 3}))), pick = in_one.input("pick", {DType::f32, {n, 5}, {}});
    one.add_output(matmul(pick, table).id(), "y");
    one.set_type(table.id(), {DType::f32, {5, 3}, Layout::parse(layout, 2)});
    ExecutableOptions options;
    options.compile = GetParam();
    Executable run(lower_to_maps(one), options);
    const Array given = Array::of<float>({0, 0, 0, 0, 1, 0, 1, 0, 0, 0}, {2, 5});
    EXPECT_EQ(values(run.run({given})[0]), (Floats{13, 14, 15, 4, 5, 6})) << layout;
  }
}

TEST_P(Places, WhatIsMadeOfConstantsAloneMayBeKept) {
  ExecutableOptions options;
  options.compile = GetParam();
  Executable run(parse_graph(R"(graph main {
  input x : f32[2]
  const %0 : f32[2] = {1.0, 2.0}
  %1 = map(%0) i:2 { %1[i] = %0[i] * 3.0 } : f32[2]  kept
  %2 = map(x, %1) i:2 { %2[i] = x[i] + %1[i] } : f32[2]
  output y = %2
})"),
                 options);
  for (const float x : {10.0F, 20.0F}) EXPECT_EQ(values(run.run({array({x, x})})[0]), (Floats{x + 3, x + 6}));
}

TEST_P(Places, WhatIsKeptIsMadeAnewForAnotherArray) {
  ExecutableOptions options;
  options.compile = GetParam();
  Executable run(parse_graph(R"(graph main {
  fixed table : f32[2]
  input x : f32[2]
  %1 = map(table) i:2 { %1[i] = table[i] * 3.0 } : f32[2]  kept
  %2 = map(x, %1) i:2 { %2[i] = x[i] + %1[i] } : f32[2]
  output y = %2
})"),
                 options);
  const Array first = array({1, 2}), x = array({10, 20});
  EXPECT_EQ(values(run.run({first, x})[0]), (Floats{13, 26}));
  Array second = first.clone();
  second.set(0, 5);
  EXPECT_EQ(values(run.run({second, x})[0]), (Floats{25, 26}));
  EXPECT_EQ(values(run.run({first, x})[0]), (Floats{13, 26}));
  for (const float value : {3.0F, 4.0F}) {  // each at once where the last was given back: held arrays keep their memory to themselves
    EXPECT_EQ(values(run.run({array({value, value}), x})[0]), (Floats{10 + 3 * value, 20 + 3 * value}));
  }
}

TEST_P(Places, WhatIsKeptIsMadeAnewAfterARunThatFailed) {
  ExecutableOptions options;
  options.compile = GetParam();
  Executable run(parse_graph(R"(graph main {
  fixed rows : i64[2]
  input x : f32[3]
  const %0 : f32[3] = {1.0, 2.0, 3.0}
  %1 = map(%0, rows) i:2 { %1[i] = %0[rows[i]] } : f32[2]  kept
  %2 = map(x, %1) i:2 { %2[i] = x[i] + %1[i] } : f32[2]
  output y = %2
})"),
                 options);
  const Array good = Array::of<std::int64_t>({2, 1}), bad = Array::of<std::int64_t>({0, 3}), x = array({10, 20, 30});
  EXPECT_EQ(values(run.run({good, x})[0]), (Floats{13, 22}));
  EXPECT_THROW(run.run({bad, x}), Error);
  EXPECT_EQ(values(run.run({good, x})[0]), (Floats{13, 22}));
}

INSTANTIATE_TEST_SUITE_P(Both, Places, ::testing::Bool(),
                         [](const ::testing::TestParamInfo<bool>& info) { return info.param ? "generated" : "blocked"; });

}  // namespace
}  // namespace neap::executable_test
