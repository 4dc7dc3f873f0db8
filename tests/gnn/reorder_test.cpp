#include "neap/gnn/reorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "neap/gnn/generate.h"
#include "neap/gnn/partition.h"
#include "tests/gnn/graphs.h"
#include "tests/support/expect_error.h"

namespace neap::gnn::reorder_test {
namespace {

std::vector<Array> orders_of(const Graph& graph) {
  return {degree_order(graph), reverse_cuthill_mckee_order(graph), community_order(graph),
          partition_order(graph, std::min<std::int64_t>(graph.vertices(), 3))};
}

TEST(Reorder, EveryOrderNamesEachVertexOnce) {
  for (const auto& [vertices, pairs] : odd_graphs()) {
    for (const Array& order : orders_of(build(edges(vertices, pairs)))) check_order(order, vertices);
  }
}

TEST(Reorder, TheGraphStaysTheSame) {
  for (const auto& [vertices, pairs] : odd_graphs()) {
    EdgeList list = edges(vertices, pairs);
    std::vector<float> marks;
    for (const auto& [source, target] : pairs) marks.push_back(static_cast<float>(100 * source + target));
    list.edge_features["mark"] = Array::of(marks);
    const Graph graph = build(list);
    for (const Array& order : orders_of(graph)) {
      const Graph made = reordered(graph, order);
      Pairs back;
      std::int64_t edge = 0;
      for (const auto& [source, target] : listed(made)) {
        back.emplace_back(order.get_int(source), order.get_int(target));
        EXPECT_EQ(made.edge_feature("mark").get(edge++), static_cast<double>(100 * back.back().first + back.back().second));
      }
      EXPECT_EQ(dense(vertices, back), dense(graph));
    }
  }
}

TEST(Reorder, DataAndResultsGoWithIt) {
  const GraphData data = power_law_communities({.vertices = 60, .entries = 400, .communities = 3, .features = 5, .classes = 3}, 1);
  const Array order = community_order(data.graph);
  const GraphData made = reordered(data, order);
  check(made);
  EXPECT_NE(made.graph.version(), data.graph.version());
  EXPECT_EQ(numbers(restored(made.dense, order)), numbers(data.dense));
  EXPECT_EQ(numbers(restored(made.labels, order)), numbers(data.labels));
  std::set<double> back;
  for (const double vertex : numbers(made.training)) back.insert(order.get(static_cast<std::int64_t>(vertex)));
  const auto wanted = numbers(data.training);
  EXPECT_EQ(back, std::set<double>(wanted.begin(), wanted.end()));
}

TEST(Reorder, SparseFeaturesAndNamesGoWithIt) {
  GraphData data{.graph = build(edges(3, {{0, 1}}))};
  data.sparse = {.csr = {.rows = 3,
                         .columns = 2,
                         .offsets = Array::of(std::vector<std::int64_t>{0, 1, 1, 2}),
                         .indices = Array::of(std::vector<VertexId>{1, 0})},
                 .values = Array::of(std::vector<float>{5, 6})};
  data.vertex_names = {"a", "b", "c"};
  const GraphData made = reordered(data, Array::of(std::vector<VertexId>{2, 0, 1}));
  EXPECT_EQ(made.vertex_names, (std::vector<std::string>{"c", "a", "b"}));
  EXPECT_EQ(numbers(dense(made.sparse)), (std::vector<double>{6, 0, 0, 5, 0, 0}));
  EXPECT_EQ(listed(made.graph), (Pairs{{1, 2}}));
}

std::int64_t bandwidth(const Graph& graph) {
  std::int64_t widest = 0;
  for (const auto& [source, target] : listed(graph)) widest = std::max(widest, std::abs(source - target));
  return widest;
}

TEST(Reorder, CuthillMckeeFindsTheBandOfAShuffledLine) {
  std::vector<VertexId> shuffled(200);
  for (std::size_t i = 0; i < shuffled.size(); ++i) shuffled[i] = static_cast<VertexId>((i * 77) % 200);
  const Graph ring = watts_strogatz(200, 4, 0, 1);
  const Graph mixed = reordered(ring, Array::of(shuffled));
  EXPECT_GT(bandwidth(mixed), 100);
  EXPECT_LE(bandwidth(reordered(mixed, reverse_cuthill_mckee_order(mixed))), 8);
}

TEST(Reorder, DegreesDescend) {
  const Graph graph = barabasi_albert(100, 2, 1);
  const Graph made = reordered(graph, degree_order(graph));
  for (std::int64_t v = 1; v < 100; ++v) EXPECT_GE(made.incoming().length(v - 1), made.incoming().length(v));
}

TEST(Reorder, CommunitiesAreFound) {
  const GraphData data = stochastic_blocks({40, 40, 40}, {{.5, .01, .01}, {.01, .5, .01}, {.01, .01, .5}}, 1);
  std::vector<VertexId> shuffled(120);
  for (std::size_t i = 0; i < shuffled.size(); ++i) shuffled[i] = static_cast<VertexId>((i * 77) % 120);
  const GraphData mixed = reordered(data, Array::of(shuffled));
  for (const Array& order : {community_order(mixed.graph), partition_order(mixed.graph, 3)}) {
    int changes = 0;
    for (std::int64_t i = 1; i < 120; ++i) changes += mixed.labels.get(order.get_int(i)) != mixed.labels.get(order.get_int(i - 1)) ? 1 : 0;
    EXPECT_EQ(changes, 2);
  }
}

TEST(Partition, PartsAreEvenAndCutFewEdges) {
  const GraphData data = stochastic_blocks({50, 50}, {{.3, .01}, {.01, .3}}, 2);
  const Partition made = partition(data.graph, 2, 1);
  EXPECT_EQ(numbers(made.part_of), numbers(partition(data.graph, 2, 1).part_of));
  std::int64_t cut = 0;
  for (const auto& [source, target] : listed(data.graph)) cut += made.part_of.get(source) != made.part_of.get(target) ? 1 : 0;
  EXPECT_EQ(made.cut * 2, cut);
  EXPECT_LT(made.cut, 60);
  for (const auto& part : members(made)) EXPECT_NEAR(static_cast<double>(part.size()), 50, 5);
  EXPECT_EQ(partition(Graph(), 0).part_of.count(), 0);
  EXPECT_EQ(numbers(partition(build(edges(4, {})), 2).part_of), (std::vector<double>{0, 0, 1, 1}));
  EXPECT_EQ(numbers(partition(data.graph, 1).part_of), std::vector<double>(100, 0));
  expect_error([&] { partition(data.graph, 101); }, "101 parts of 100 vertices");
  expect_error([&] { partition(data.graph, 0); }, "0 parts of 100 vertices");
}

TEST(ChooseOrder, CommunitiesWhereThereAreSomeAndNoneElsewhere) {
  const OrderOptions options{.near_bytes = 64 << 10, .far_bytes = 1 << 20};
  Communities how{.vertices = 8000, .entries = 120000, .communities = 80, .features = 0};
  const Graph with = power_law_communities(how, 1).graph;
  const OrderChoice chosen = choose_order(with, Order::automatic, options);
  EXPECT_EQ(chosen.order, Order::community) << chosen.reason;
  EXPECT_GT(chosen.gain, 1.3);
  check_order(chosen.vertices, 8000);
  how.communities = 1;
  const OrderChoice refused = choose_order(power_law_communities(how, 1).graph, Order::automatic, options);
  EXPECT_EQ(refused.order, Order::none) << refused.reason;
  EXPECT_TRUE(refused.vertices.empty());
  EXPECT_NE(refused.reason.find("the graph has no communities"), std::string::npos) << refused.reason;
  const OrderChoice again = choose_order(reordered(with, chosen.vertices), Order::automatic, options);
  EXPECT_EQ(again.order, Order::none) << "it is in their order already: " << again.reason;
}

TEST(ChooseOrder, SmallGraphsStayAsTheyAre) {
  const OrderChoice chosen = choose_order(erdos_renyi(100, .1, 1), Order::automatic, {.near_bytes = 64 << 10});
  EXPECT_EQ(chosen.order, Order::none);
  EXPECT_NE(chosen.reason.find("fit the cache of a core"), std::string::npos) << chosen.reason;
  EXPECT_EQ(choose_order(Graph()).order, Order::none);
  EXPECT_EQ(choose_order(erdos_renyi(100, .1, 1), Order::degree).order, Order::degree);
  for (const Order order :
       {Order::none, Order::degree, Order::reverse_cuthill_mckee, Order::community, Order::partition, Order::automatic}) {
    EXPECT_EQ(parse_order(name(order)), order);
    EXPECT_EQ(choose_order(Graph(), order).vertices.count(), 0);
  }
}

TEST(ChooseOrder, TheCostIsThatOfTheCache) {
  const auto cost = [](std::vector<VertexId> indices) {
    const auto count = static_cast<std::int64_t>(indices.size());
    return gather_cost(
        {.rows = 1, .columns = 1000, .offsets = Array::of(std::vector<std::int64_t>{0, count}), .indices = Array::of(indices)},
        {.row_bytes = 1 << 10, .near_bytes = 8 << 10, .far_bytes = 1 << 20});
  };
  EXPECT_DOUBLE_EQ(cost({}), 0);
  EXPECT_DOUBLE_EQ(cost({7}), 7);
  EXPECT_DOUBLE_EQ(cost({7, 7, 7, 7}), (7 + 3) / 4.0);
  EXPECT_DOUBLE_EQ(cost({0, 1, 2, 3, 4, 5, 6, 7, 0}), (8 * 7 + 1) / 9.0) << "8 rows fit the near cache";
  EXPECT_DOUBLE_EQ(cost({0, 1, 2, 3, 4, 5, 6, 7, 8, 0}), (9 * 7 + 2.5) / 10.0) << "9 do not, but the far one";
}

TEST(ChooseOrder, NeighboursAreNearInTheOrderOfCommunitiesAlone) {
  const OrderOptions options{.row_bytes = 1 << 10, .near_bytes = 512 << 10, .far_bytes = 8 << 20};
  const Graph graph =
      power_law_communities({.vertices = 20000, .entries = 300000, .communities = 50, .inside = 0.8, .classes = 1}, 1).graph;
  EXPECT_LT(near_part(graph, options), 0.3);
  EXPECT_GT(near_part(reordered(graph, community_order(graph)), options), 0.5);
  EXPECT_EQ(near_part(Graph(), options), 0) << "nothing is gathered";
}

TEST(Reorder, BadInput) {
  const Graph graph = build(edges(3, {{0, 1}}));
  expect_error([&] { reordered(graph, Array::of(std::vector<VertexId>{0, 1})); }, "an order of i32 [2] for 3 vertices");
  expect_error([&] { reordered(graph, Array::of(std::vector<VertexId>{0, 1, 1})); }, "vertex 1 is there twice");
  expect_error([&] { reordered(graph, Array::of(std::vector<VertexId>{0, 1, 3})); }, "no vertex 3 among 3");
  expect_error(
      [&] {
        restored(Array::zeros(DType::f32, {2}), Array::of(std::vector<VertexId>{0, 1, 2}));
      },
      "results of sizes [2] for 3 vertices");
  expect_error([&] { community_order(graph, -1); }, "-1 sweeps");
  expect_error([] { parse_order("best"); }, "there is no order 'best'");
}

}  // namespace
}  // namespace neap::gnn::reorder_test
