// Orders of products chosen by running them: what is quicker is found where the cost model is wrong, is right, and is kept.
#include "neap/transform/measured_ways.h"

#include <gtest/gtest.h>

#include "neap/autodiff/gradient.h"
#include "neap/base/file.h"
#include "neap/gnn/generate.h"
#include "neap/gnn/normalize.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "tests/support/environment.h"
#include "tests/support/results.h"

namespace neap::measured_ways_test {
namespace {

// It takes the edges to be few, so that both orders seem alike.
const CostModel blind({{"E", 10}},
                      {.copy_bytes_per_second = 1e15, .cache_bytes_per_second = 1e15, .flops_per_second = 1e10, .call_seconds = 0});

struct Program {
  Graph graph;
  std::vector<Array> inputs;
};

// The gradient of one layer, whose sparse product is `features` wide where it aggregates first, `out` where it transforms first.
Program layer(std::int64_t vertices, std::int64_t entries, std::int64_t features, std::int64_t out) {
  const gnn::Graph edges = gnn::erdos_renyi(vertices, static_cast<double>(entries) / static_cast<double>(vertices * vertices), 1);
  Program made;
  Builder build(made.graph);
  const auto input = [&](const char* name, Array array, Role role) {
    Shape shape(array.sizes().begin(), array.sizes().end());
    if (shape[0] == Dim(edges.edges())) shape[0] = Dim::symbol("E");
    made.inputs.push_back(std::move(array));
    return build.input(name, {made.inputs.back().dtype(), shape, {}}, role);
  };
  const auto numbers = [](const Sizes& sizes, int salt) {
    Array array(DType::f32, sizes);
    for (std::int64_t i = 0; i < array.count(); ++i) array.set(i, static_cast<double>((i * 37 + salt) % 23) / 23 - 0.5);
    return array;
  };
  const Var x = input("x", numbers({vertices, features}, 1), Role::input), w = input("w", numbers({features, out}, 2), Role::parameter);
  std::vector<Var> operands{matmul(x, w)};
  operands.push_back(input("weights", gnn::normalized_weights(edges, gnn::Normalization::symmetric), Role::fixed));
  operands.push_back(input("offsets", edges.incoming().offsets, Role::fixed));
  operands.push_back(input("columns", edges.incoming().indices, Role::fixed));
  operands.push_back(input("t_offsets", edges.outgoing().csr.offsets, Role::fixed));
  operands.push_back(input("t_rows", edges.outgoing().csr.indices, Role::fixed));
  operands.push_back(input("t_order", edges.outgoing().entries, Role::fixed));
  const Var y = build.call("spmm", operands);
  made.graph.add_output(sum(y * y, {}).id(), "loss");
  made.graph = gradient(made.graph, {.loss = "loss"});
  return made;
}

OptimizeOptions measuring(const Program& program, double seconds = 600) {
  return {.tune = TuneOptions{.seconds = seconds, .inputs = program.inputs}};
}

// With a cache in which nothing is known yet, on one thread.
class MeasuredWays : public ::testing::Test {
  Threads one_{1};
  TemporaryFolder folder_;
  Environment cache_{"NEAP_CACHE", folder_.path().string()};
};

TEST_F(MeasuredWays, TheQuickerOrderIsFoundWhereTheModelIsBlind) {
  const Program program = layer(2000, 200000, 4, 64);
  Optimizer by_model(program.graph, blind);
  by_model.optimize();
  Optimizer measured(program.graph, blind);
  measured.optimize(measuring(program));
  EXPECT_GE(measured.tuning().ways, 2);
  EXPECT_NE(structural_hash(by_model.graph()), structural_hash(measured.graph()));
  const WaysMeasured found = measure_ways(program.graph, blind, measuring(program));
  ASSERT_EQ(found.ways.size(), 1U);
  EXPECT_EQ(found.ways.begin()->second & 1, 1) << "the layer aggregates first";

  std::vector<Array> inputs;
  for (const Array& input : program.inputs) inputs.push_back(input.clone());
  const std::vector<Array> wanted = interpret(program.graph, inputs), got = Executable(measured.graph()).run(program.inputs);
  for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-4, program.graph.outputs[i].name);

  Optimizer replayed(program.graph, blind);
  replayed.replay(measured.history());
  EXPECT_EQ(structural_hash(replayed.graph()), structural_hash(measured.graph()));
}

TEST_F(MeasuredWays, WhatWasFoundIsKeptForTheseEdgesOnly) {
  const Program program = layer(500, 20000, 4, 64);
  const WaysMeasured first = measure_ways(program.graph, blind, measuring(program)),
                     again = measure_ways(program.graph, blind, measuring(program));
  EXPECT_GE(first.runs, 2);
  EXPECT_EQ(again.runs, 0);
  EXPECT_EQ(again.ways, first.ways);
  Program other = program;
  for (Array& input : other.inputs) input = input.clone();
  other.inputs[4].values<std::int32_t>()[0] ^= 1;
  EXPECT_GE(measure_ways(program.graph, blind, measuring(other)).runs, 2);
}

TEST_F(MeasuredWays, ARunIsNotWrittenIntoAndAWayThatIsNamedStays) {
  const Program program = layer(300, 3000, 4, 64);
  std::vector<Array> before;
  for (const Array& input : program.inputs) before.push_back(input.clone());
  OptimizeOptions options = measuring(program);
  EXPECT_FALSE(measure_ways(program.graph, blind, options).ways.empty());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_bits(before[i], program.inputs[i])) << i;
  for (RecipeLine& line : options.recipe) {
    if (line.transformation == "order_products") line.parameters["plan"] = 0;
  }
  EXPECT_TRUE(measure_ways(program.graph, blind, options).ways.empty());
}

TEST(Ways, OfAPlanThatIsNamedThoseNextToIt) {
  const Program program = layer(100, 1000, 4, 64);
  const Transformation& order = find_transformation("order_products");
  const auto ways = [&](const Parameters& given) { return order.ways.find(program.graph, complete(order, given), blind, 12); };
  const std::vector<std::int64_t> all = ways({});
  ASSERT_GE(all.size(), 2U);
  OptimizeOptions named;
  for (RecipeLine& line : named.recipe) {
    if (line.transformation == "order_products") line.parameters["plan"] = all[0];
  }
  Optimizer by_cost(program.graph, blind), by_name(program.graph, blind);
  by_cost.optimize();
  by_name.optimize(named);
  EXPECT_EQ(structural_hash(by_cost.graph()), structural_hash(by_name.graph())) << "the first is what the model chooses";
  const std::vector<std::int64_t> near = ways({{"plan", 1}});
  EXPECT_EQ(near, (std::vector<std::int64_t>{0, 3, 2})) << "the layer, its weights' gradient, and both, which share the aggregate";
  EXPECT_TRUE(ways({{"order", 1}}).empty());
  EXPECT_EQ(order.ways.find(program.graph, complete(order, {}), blind, 2).size(), 2U);
}

}  // namespace
}  // namespace neap::measured_ways_test
