// The plan that order_products chooses for a graph network's products against all plans that there are, as the cost model prices the graphs
// that come out.
#include <gtest/gtest.h>

#include <cstdio>

#include "neap/autodiff/gradient.h"
#include "neap/ops/builder.h"
#include "neap/transform/recipe.h"
#include "neap/transform/transformation.h"

namespace neap::graph_plans_test {
namespace {

constexpr int chains = 8;  // of three layers: forward, gradients of weights, gradients of features but the first layer's

Graph gcn(std::int64_t vertices, std::int64_t edges, std::int64_t features, std::int64_t hidden) {
  Graph graph;
  Builder build(graph);
  Var h = build.input("x", {DType::f32, {vertices, features}, {}});
  const auto list = [&](const char* name, DType dtype, std::int64_t size) { return build.input(name, {dtype, {size}, {}}); };
  const Var weights = list("weights", DType::f32, edges), offsets = list("offsets", DType::i64, vertices + 1),
            columns = list("columns", DType::i32, edges), t_offsets = list("t_offsets", DType::i64, vertices + 1),
            t_rows = list("t_rows", DType::i32, edges), t_order = list("t_order", DType::i32, edges);
  for (int layer = 0; layer < 3; ++layer) {
    const Var w = build.input(fmt::format("w{}", layer), {DType::f32, {h.size(1), layer == 2 ? 41 : hidden}, {}}, Role::parameter);
    h = build.call("spmm", {matmul(h, w), weights, offsets, columns, t_offsets, t_rows, t_order});
    if (layer < 2) h = unary("relu", h);
  }
  graph.add_output(build.call("cross_entropy", {h, list("labels", DType::i64, vertices)}).id(), "loss");
  return gradient(graph, {.loss = "loss"});
}

double seconds(const Graph& graph, std::int64_t plan, const CostModel& model) {
  Graph made = graph;
  Pass pass{model, {}};
  for (const char* name : {"order_products", "share_common"}) {
    const Transformation& transformation = find_transformation(name);
    Parameters parameters;
    for (const ParameterSpec& parameter : transformation.parameters) parameters[parameter.name] = parameter.default_value;
    if (parameters.count("plan") != 0) parameters["plan"] = plan;
    transformation.apply_everywhere(made, parameters, pass);
  }
  return model.graph(made).seconds;
}

TEST(Plans, TheChosenOneIsWithinThreePercentOfTheBestOfAll) {
  const CostModel model({},
                        {.copy_bytes_per_second = 20e9, .cache_bytes_per_second = 150e9, .flops_per_second = 200e9, .call_seconds = 2e-6});
  int cells = 0, near = 0, different = 0;
  for (const auto& [vertices, edges] : {std::pair{170000, 2500000}, std::pair{50000, 10000000}}) {
    for (const std::int64_t features : {16, 128, 600}) {
      for (const std::int64_t hidden : {16, 128, 512}) {
        const Graph graph = gcn(vertices, edges, features, hidden);
        double best = seconds(graph, 0, model), worst = best;
        for (std::int64_t plan = 1; plan < std::int64_t{1} << chains; ++plan) {
          const double mine = seconds(graph, plan, model);
          best = std::min(best, mine);
          worst = std::max(worst, mine);
        }
        ++cells;
        near += seconds(graph, -1, model) <= 1.03 * best ? 1 : 0;
        different += worst > 1.1 * best ? 1 : 0;
      }
    }
  }
  EXPECT_GE(near, 0.95 * cells);
  EXPECT_GT(different, cells / 2);  // plans matter here
}

// A layer that transforms first stays so unless aggregating first is clearly quicker: what follows can join its loop.
TEST(Plans, OnATieTransformFirst) {
  const CostModel model({},
                        {.copy_bytes_per_second = 20e9, .cache_bytes_per_second = 150e9, .flops_per_second = 200e9, .call_seconds = 2e-6});
  // Too few edges for the library's product, whose price depends on the instruction set.
  constexpr std::int64_t vertices = 20000, edges = 1000000, in = 512;
  int ties = 0, aggregated = 0;
  for (std::int64_t out = in - 128; out <= in + 256; out += 16) {
    Graph graph;
    Builder build(graph);
    const Var w = build.input("w", {DType::f32, {in, out}, {}}, Role::parameter);
    const Var z = matmul(build.input("x", {DType::f32, {vertices, in}, {}}), w);
    const auto list = [&](const char* name, DType dtype, std::int64_t size) { return build.input(name, {dtype, {size}, {}}); };
    graph.add_output(build
                         .call("spmm", {z, list("weights", DType::f32, edges), list("offsets", DType::i64, vertices + 1),
                                        list("columns", DType::i32, edges)})
                         .id(),
                     "y");
    Pass pass{model};
    const Transformation& order = find_transformation("order_products");
    const int edits = order.apply_everywhere(graph, complete(order, {}), pass);
    ASSERT_EQ(pass.edits.size() + pass.refusals.size(), 1U);
    const std::string reason = edits > 0 ? pass.edits[0].reason : pass.refusals[0].reason;
    double mine = 0, other = 0;
    ASSERT_EQ(std::sscanf(reason.c_str(), "%*s first: %lf us against %lf us", &mine, &other), 2) << reason;
    // Four digits are printed.
    const bool tie = reason.find("; on a tie") != std::string::npos;
    if (edits > 0) {
      EXPECT_LE(mine, 0.9902 * other) << reason;
    } else if (tie) {
      EXPECT_LE(other, mine) << reason;
      EXPECT_GE(other, 0.9898 * mine) << reason;
    } else {
      EXPECT_GE(other, mine) << reason;
    }
    ties += tie ? 1 : 0;
    aggregated += edits;
  }
  EXPECT_GT(ties, 0);
  EXPECT_GT(aggregated, 0);
}

}  // namespace
}  // namespace neap::graph_plans_test
