// Tuning: what it finds is right, is kept, is part of the history.
#include "neap/transform/tune.h"

#include <gtest/gtest.h>

#include "neap/base/file.h"
#include "neap/base/machine.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "tests/support/environment.h"
#include "tests/support/results.h"

namespace neap::tune_test {
namespace {

// A product whose schedule is about the worst: vectors of four elements, one row at a time.
Graph badly_scheduled(const std::string& rows = "96") {
  return parse_graph("graph main {\n  input x : f32[" + rows + R"(,64]
  input w : f32[64,96]
  %0 = map(x, w) i:)" +
                     rows + " j:96 { %0[i,j] = sum(k:64, x[i,k] * w[k,j]) } : f32[" + rows +
                     R"(,96]  schedule vector=j width=4 tile=[i:1]
  output y = %0
})");
}

Array elements(const Sizes& sizes, int salt) {
  Array made(DType::f32, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, static_cast<double>((i * 37 + salt) % 19) / 19 - 0.5);
  return made;
}

// With a cache in which nothing is known yet, on one thread: two would wait for each other wherever other tests take the second core.
class Tune : public ::testing::Test {
  Threads one_{1};
  TemporaryFolder folder_;
  Environment cache_{"NEAP_CACHE", folder_.path().string()};
};

TEST_F(Tune, FindsWhatIsBetterKeepsItAndReplays) {
  const Graph graph = badly_scheduled();
  Optimizer first(graph);
  const Tuning found = tune(first, {.seconds = 60});
  EXPECT_EQ(found.kernels, 1);
  EXPECT_EQ(found.left, 0);
  EXPECT_EQ(found.changed, 1);
  EXPECT_FALSE(first.graph().nodes()[0]->schedule == graph.nodes()[0]->schedule);
  const Array x = elements({96, 64}, 1), w = elements({64, 96}, 2);
  const Array wanted = interpret(graph, {x, w})[0], got = Executable(first.graph()).run({x, w})[0];
  expect_close(got, wanted, 1e-5, "tuned");

  Optimizer again(graph);
  const Tuning known = tune(again, {.seconds = 60});
  EXPECT_EQ(known.measured, 0);
  EXPECT_EQ(known.changed, 1);
  EXPECT_EQ(structural_hash(again.graph()), structural_hash(first.graph()));

  Optimizer replayed(graph);
  replayed.replay(first.history());
  EXPECT_EQ(structural_hash(replayed.graph()), structural_hash(first.graph()));
}

TEST_F(Tune, WhatThereIsNoTimeForIsLeft) {
  Optimizer optimizer(badly_scheduled("97"));
  const Tuning found = tune(optimizer, {.seconds = 0});
  EXPECT_EQ(found.left, 1);
  EXPECT_EQ(found.measured, 0);
  EXPECT_TRUE(optimizer.steps().empty());
}

TEST_F(Tune, SizesThatAreSymbolsAreThoseOfTheCostModel) {
  const Graph graph = badly_scheduled("N");
  Optimizer optimizer(graph, CostModel({{"N", 40}}));
  EXPECT_EQ(tune(optimizer, {.seconds = 60}).left, 0);
  const Array x = elements({3, 64}, 1), w = elements({64, 96}, 2);
  expect_close(Executable(optimizer.graph()).run({x, w})[0], interpret(graph, {x, w})[0], 1e-5, "three rows");
}

TEST_F(Tune, KernelsThatReadPositionsAreLeftAlone) {
  Optimizer optimizer(parse_graph(R"(graph main {
  input x : f32[50,64]
  input at : i64[96]
  %0 = map(x, at) i:96 j:64 { %0[i,j] = x[at[i],j] * 2.0 } : f32[96,64]
  output y = %0
})"));
  EXPECT_EQ(tune(optimizer, {.seconds = 60}).kernels, 0);
}

}  // namespace
}  // namespace neap::tune_test
