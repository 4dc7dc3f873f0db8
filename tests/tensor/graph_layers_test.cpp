// Layers of graph networks through the optimizer: every order of their products gives the interpreter's numbers, forward and backward, for
// a pattern that is not symmetric; what depends on fixed inputs alone is computed again when, and only when, these change.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>

#include "neap/autodiff/gradient.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/executable.h"
#include "neap/transform/optimizer.h"

namespace neap::graph_layers_test {
namespace {

struct Edges {
  Array offsets, columns, t_offsets, t_rows, t_order, weights;
};

// Random edges between vertices: rows of 0 to 5, some twice; no symmetry.
Edges random_edges(std::int64_t vertices, std::mt19937& random) {
  std::vector<std::pair<int, int>> all;
  for (int row = 0; row < vertices; ++row) {
    for (int k = static_cast<int>(random() % 6); k > 0; --k)
      all.emplace_back(row, static_cast<int>(random() % static_cast<unsigned>(vertices)));
  }
  const auto count = static_cast<std::int64_t>(all.size());
  Edges e{Array::zeros(DType::i64, {vertices + 1}),
          Array(DType::i32, {count}),
          Array::zeros(DType::i64, {vertices + 1}),
          Array(DType::i32, {count}),
          Array(DType::i32, {count}),
          Array(DType::f32, {count})};
  for (const auto& [row, column] : all) {
    ++e.offsets.values<std::int64_t>()[static_cast<std::size_t>(row) + 1];
    ++e.t_offsets.values<std::int64_t>()[static_cast<std::size_t>(column) + 1];
  }
  for (std::int64_t i = 0; i < vertices; ++i) {
    const auto at = static_cast<std::size_t>(i);
    e.offsets.values<std::int64_t>()[at + 1] += e.offsets.values<std::int64_t>()[at];
    e.t_offsets.values<std::int64_t>()[at + 1] += e.t_offsets.values<std::int64_t>()[at];
  }
  std::vector<std::int64_t> next(e.t_offsets.values<std::int64_t>().begin(), e.t_offsets.values<std::int64_t>().end());
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto [row, column] = all[k];
    const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(column)]++);
    e.columns.values<std::int32_t>()[k] = column;
    e.t_rows.values<std::int32_t>()[place] = row;
    e.t_order.values<std::int32_t>()[place] = static_cast<std::int32_t>(k);
    e.weights.values<float>()[k] = 0.25F + static_cast<float>(random() % 100) / 100;
  }
  return e;
}

Array random_array(const Sizes& sizes, std::mt19937& random) {
  Array array(DType::f32, sizes);
  for (float& value : array.values<float>()) value = static_cast<float>(random() % 2001) / 1000 - 1;
  return array;
}

// Two layers and their gradients; `roles` of the structure and of the features.
struct Network {
  Graph graph;
  std::vector<Array> inputs;
};
Network network(Role role, bool with_features, std::uint32_t seed) {
  std::mt19937 random(seed);
  constexpr std::int64_t vertices = 23, widths[] = {5, 9, 3};
  const Edges edges = random_edges(vertices, random);
  Network made;
  Builder build(made.graph);
  const Dim n = Dim::symbol("N"), e = Dim::symbol("E");
  const auto input = [&](const std::string& name, Type type, const Array& elements, Role as) {
    made.inputs.push_back(elements);
    return build.input(name, std::move(type), as);
  };
  const Var x = input("x", {DType::f32, {n, widths[0]}, {}}, random_array({vertices, widths[0]}, random), role);
  const std::vector<Var> edge{input("weights", {DType::f32, {e}, {}}, edges.weights, role),
                              input("offsets", {DType::i64, {n + Dim(1)}, {}}, edges.offsets, role),
                              input("columns", {DType::i32, {e}, {}}, edges.columns, role),
                              input("t_offsets", {DType::i64, {n + Dim(1)}, {}}, edges.t_offsets, role),
                              input("t_rows", {DType::i32, {e}, {}}, edges.t_rows, role),
                              input("t_order", {DType::i32, {e}, {}}, edges.t_order, role)};
  Var h = x;
  for (int layer = 0; layer < 2; ++layer) {
    const Sizes sizes{widths[layer], widths[layer + 1]};
    const Var w = input(fmt::format("w{}", layer), {DType::f32, {sizes[0], sizes[1]}, {}}, random_array(sizes, random), Role::parameter);
    h = build.call("spmm", {matmul(h, w), edge[0], edge[1], edge[2], edge[3], edge[4], edge[5]});
    if (layer == 0) h = tanh(h);
  }
  made.graph.add_output(sum(h * h, {}).id(), "loss");
  GradientOptions options{.loss = "loss"};
  options.with_respect_to = {"w0", "w1"};
  if (with_features) options.with_respect_to.push_back("x");
  made.graph = gradient(made.graph, options);
  return made;
}

void expect_close(const std::vector<Array>& got, const std::vector<Array>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    for (std::int64_t k = 0; k < wanted[i].count(); ++k) {
      ASSERT_NEAR(got[i].get(k), wanted[i].get(k), 1e-4 * (1 + std::abs(wanted[i].get(k)))) << "output " << i << ", element " << k;
    }
  }
}

TEST(OrderProducts, EveryPlanGivesTheSameNumbers) {
  const Network net = network(Role::input, true, 1);
  const std::vector<Array> wanted = interpret(net.graph, net.inputs);
  std::set<std::string> texts;
  for (std::int64_t plan = 0; plan < 64; ++plan) {
    Optimizer optimizer(net.graph);
    optimizer.set_verifying(true);
    optimizer.apply_all(find_transformation("order_products"), {{"plan", plan}});
    texts.insert(to_string(optimizer.graph()));
    expect_close(interpret(optimizer.graph(), net.inputs), wanted);
  }
  EXPECT_EQ(texts.size(), 64U);  // two layers of three chains
}

TEST(OrderProducts, CompiledAndByCost) {
  for (const std::uint32_t seed : {2U, 3U}) {
    const Network net = network(Role::input, true, seed);
    Optimizer optimizer(net.graph);
    optimizer.set_verifying(true);
    optimizer.optimize(4);
    Executable run(optimizer.graph());
    expect_close(run.run(net.inputs), interpret(net.graph, net.inputs));
  }
}

TEST(OrderProducts, UndoGivesBackTheGraph) {
  const Network net = network(Role::input, true, 4);
  Optimizer optimizer(net.graph);
  optimizer.apply_all(find_transformation("order_products"), {{"order", 2}});
  EXPECT_NE(structural_hash(optimizer.graph()), structural_hash(net.graph));
  optimizer.undo();
  EXPECT_EQ(structural_hash(optimizer.graph()), structural_hash(net.graph));
}

TEST(KeepFixed, ComputedAgainOnlyWhenFixedInputsChange) {
  Network net = network(Role::fixed, false, 5);
  Optimizer optimizer(net.graph);
  optimizer.set_verifying(true);
  optimizer.optimize(4);
  const auto& nodes = optimizer.graph().nodes();
  ASSERT_TRUE(std::any_of(nodes.begin(), nodes.end(), [](const NodePtr& node) { return node->kept; }));
  Executable run(optimizer.graph());
  run.set_profiling(true);
  const auto kept_runs = [&] {
    std::int64_t runs = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) runs += run.graph().nodes()[i]->kept ? run.profile()[i].runs : 0;
    return runs;
  };
  std::mt19937 random(6);
  expect_close(run.run(net.inputs), interpret(net.graph, net.inputs));
  const std::int64_t once = kept_runs();
  net.inputs[7] = random_array(net.inputs[7].sizes(), random);  // a parameter
  expect_close(run.run(net.inputs), interpret(net.graph, net.inputs));
  EXPECT_EQ(kept_runs(), once);
  net.inputs[0] = random_array(net.inputs[0].sizes(), random);  // the features
  expect_close(run.run(net.inputs), interpret(net.graph, net.inputs));
  EXPECT_EQ(kept_runs(), 2 * once);
}

TEST(KeepFixed, AnotherSizeIsAnotherSetOfKeptValues) {
  const Network one = network(Role::fixed, false, 7), other = network(Role::fixed, false, 8);
  Optimizer optimizer(one.graph);
  optimizer.optimize(4);
  Executable run(optimizer.graph());
  for (const Network* net : {&one, &other, &one}) expect_close(run.run(net->inputs), interpret(net->graph, net->inputs));
}

TEST(KeepFixed, AKeptValueThatIsAnOutputIsCopied) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {4}, {}}, Role::fixed);
  Node node = *[&] {
    build.call("exp", {x});
    return graph.nodes().back();
  }();
  node.kept = true;
  graph.replace_node(0, node);
  graph.add_output(node.outputs[0], "y");
  verify(graph);
  Optimizer optimizer(graph);
  optimizer.apply_all(find_transformation("lower"));
  Executable run(optimizer.graph());
  const Array in = Array::of<float>({0, 1, 2, 3});
  Array first = run.run({in})[0];
  first.values<float>()[0] = 99;
  EXPECT_EQ(run.run({in})[0].get(0), 1);
}

}  // namespace
}  // namespace neap::graph_layers_test
