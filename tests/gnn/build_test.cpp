#include "neap/gnn/build.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "tests/gnn/graphs.h"
#include "tests/support/expect_error.h"

namespace neap::gnn::build_test {
namespace {

TEST(Build, RowsHoldWhereEdgesComeFrom) {
  const Graph graph = build(edges(4, {{2, 0}, {1, 0}, {0, 3}, {3, 3}}));
  EXPECT_EQ(graph.vertices(), 4);
  EXPECT_EQ(graph.edges(), 4);
  EXPECT_EQ(listed(graph), (Pairs{{1, 0}, {2, 0}, {0, 3}, {3, 3}}));
  EXPECT_EQ(graph.incoming().length(1), 0);
}

TEST(Build, DenseAdjacencyOfManyShapes) {
  for (const auto& [vertices, pairs] : odd_graphs()) {
    const Graph graph = build(edges(vertices, pairs));
    EXPECT_EQ(dense(graph), dense(vertices, pairs)) << vertices << " vertices, " << pairs.size() << " edges";
    EXPECT_EQ(graph.edges(), static_cast<std::int64_t>(pairs.size()));
  }
}

TEST(Build, TheTransposeSaysWhichEdges) {
  for (const auto& [vertices, pairs] : odd_graphs()) {
    const Graph graph = build(edges(vertices, pairs));
    const Transpose& out = graph.outgoing();
    check(out.csr, "transpose");
    const Pairs forward = listed(graph);
    std::vector<int> seen(forward.size());
    for (std::int64_t source = 0; source < vertices; ++source) {
      for (std::int64_t entry = out.csr.begin(source); entry < out.csr.end(source); ++entry) {
        const auto edge = static_cast<std::size_t>(out.entries.get_int(entry));
        ++seen[edge];
        EXPECT_EQ(forward[edge], std::pair(source, out.csr.indices.get_int(entry)));
      }
    }
    EXPECT_EQ(seen, std::vector<int>(forward.size(), 1));
  }
}

TEST(Build, TheTransposeIsMadeOnceForAllCopiesAndThreads) {
  const Graph graph = build(edges(50, random_pairs(50, 400, 3)));
  const Graph copy = graph.with_edge_feature("weight", Array::zeros(DType::f64, {400}));
  std::vector<const Transpose*> found(8);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < found.size(); ++i) threads.emplace_back([&, i] { found[i] = &(i % 2 == 0 ? graph : copy).outgoing(); });
  }
  for (const Transpose* transpose : found) EXPECT_EQ(transpose, found[0]);
}

TEST(Build, Duplicates) {
  EdgeList list = edges(3, {{0, 1}, {2, 1}, {0, 1}, {0, 1}, {1, 0}});
  list.edge_features["cost"] = Array::of(std::vector<double>{1, 2, 4, 8, 16});
  EXPECT_EQ(build(list).edges(), 5);
  const Graph sum = build(list, {.duplicates = Duplicates::sum}), drop = build(list, {.duplicates = Duplicates::drop});
  EXPECT_EQ(listed(sum), (Pairs{{1, 0}, {0, 1}, {2, 1}}));
  EXPECT_EQ(listed(drop), listed(sum));
  EXPECT_EQ(numbers(sum.edge_feature("cost")), (std::vector<double>{16, 13, 2}));
  EXPECT_EQ(numbers(sum.edge_feature("weight")), (std::vector<double>{1, 3, 1}));
  EXPECT_EQ(numbers(drop.edge_feature("cost")), (std::vector<double>{16, 1, 2}));
  EXPECT_FALSE(drop.has_edge_feature("weight"));
  expect_error([&] { build(list, {.duplicates = Duplicates::error}, "here"); }, "edge 2 from 0 to 1 is the same as edge 0", "here");
}

TEST(Build, EdgesOfOtherTypesAreNoDuplicates) {
  EdgeList list = edges(2, {{0, 1}, {0, 1}, {0, 1}});
  list.edge_types = Array::of(std::vector<std::int32_t>{1, 0, 1});
  list.edge_type_names = {"a", "b"};
  const Graph graph = build(list, {.duplicates = Duplicates::drop});
  EXPECT_EQ(numbers(graph.edge_types()), (std::vector<double>{0, 1}));
  EXPECT_EQ(edges_of_type(graph, "b").edges(), 1);
  expect_error([&] { edges_of_type(graph, "c"); }, "no edges of type 'c'");
}

TEST(Build, SelfLoops) {
  EdgeList list = edges(3, {{0, 0}, {0, 1}, {0, 0}});
  list.edge_features["weight"] = Array::of(std::vector<float>{5, 6, 7});
  list.edge_features["pair"] = Array::of(std::vector<std::int32_t>{1, 2, 3, 4, 5, 6}, {3, 2});
  EXPECT_EQ(listed(build(list, {.self_loops = SelfLoops::drop})), (Pairs{{0, 1}}));
  const Graph added = build(list, {.self_loops = SelfLoops::add});
  EXPECT_EQ(listed(added), (Pairs{{0, 0}, {0, 0}, {0, 1}, {1, 1}, {2, 2}}));
  EXPECT_EQ(numbers(added.edge_feature("weight")), (std::vector<double>{5, 7, 6, 1, 1}));
  EXPECT_EQ(numbers(added.edge_feature("pair")), (std::vector<double>{1, 2, 5, 6, 3, 4, 0, 0, 0, 0}));
  EXPECT_EQ(listed(with_self_loops(build(edges(1, {})))), (Pairs{{0, 0}}));
}

TEST(Build, AddedSelfLoopsHaveATypeOfTheirOwn) {
  EdgeList list = edges(2, {{0, 1}});
  list.edge_types = Array::of(std::vector<std::int32_t>{0});
  list.edge_type_names = {"a"};
  const Graph graph = build(list, {.self_loops = SelfLoops::add});
  EXPECT_EQ(graph.edge_type_names(), (std::vector<std::string>{"a", "self"}));
  EXPECT_EQ(numbers(graph.edge_types()), (std::vector<double>{1, 0, 1}));
}

TEST(Build, Symmetrize) {
  for (const auto& [vertices, pairs] : odd_graphs()) {
    const Graph graph = symmetrized(build(edges(vertices, pairs)));
    auto wanted = dense(vertices, pairs);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      for (std::size_t k = 0; k < wanted.size(); ++k) wanted[i][k] = std::min(1, wanted[i][k] + dense(vertices, pairs)[k][i]);
    }
    EXPECT_EQ(dense(graph), wanted);
    EXPECT_TRUE(graph.symmetric());
  }
  EXPECT_FALSE(build(edges(2, {{0, 1}})).symmetric());
  EXPECT_FALSE(build(edges(2, {{0, 1}, {0, 1}, {1, 0}})).symmetric());
}

TEST(Build, AnEdgeListOfAGraphBuildsItAgain) {
  EdgeList list = edges(7, random_pairs(7, 30, 1));
  list.edge_features["weight"] = Array::zeros(DType::f32, {30});
  list.vertex_types = Array::zeros(DType::i32, {7});
  list.vertex_type_names = {"only"};
  const Graph graph = build(list);
  EXPECT_EQ(build(edge_list(graph)).version(), graph.version());
}

TEST(Build, WhatIsWrittenIntoAnEdgeListIsNotWrittenIntoItsGraph) {
  EdgeList list = edges(3, {{0, 1}, {2, 1}});
  list.edge_types = Array::of(std::vector<std::int32_t>{1, 0});
  list.edge_type_names = {"a", "b"};
  list.edge_features["weight"] = Array::of(std::vector<float>{1, 2});
  const Graph graph = build(list);
  const Pairs before = listed(graph);
  EdgeList mine = edge_list(graph);
  mine.sources.set_int(0, 2);
  mine.edge_types.set_int(0, 0);
  mine.edge_features.at("weight").set(0, 7);
  EXPECT_EQ(listed(graph), before);
  EXPECT_EQ(numbers(graph.edge_types()), (std::vector<double>{1, 0}));
  EXPECT_EQ(numbers(graph.edge_feature("weight")), (std::vector<double>{1, 2}));
  EXPECT_NE(build(mine).version(), graph.version());
}

TEST(Graph, InducedSubgraph) {
  EdgeList list = edges(4, {{0, 1}, {1, 2}, {3, 1}, {1, 1}});
  list.edge_features["weight"] = Array::of(std::vector<float>{1, 2, 3, 4});
  list.vertex_types = Array::of(std::vector<std::int32_t>{0, 1, 0, 1});
  list.vertex_type_names = {"even", "odd"};
  const Graph part = induced(build(list), std::vector<VertexId>{3, 1});
  EXPECT_EQ(listed(part), (Pairs{{1, 1}, {0, 1}}));
  EXPECT_EQ(numbers(part.edge_feature("weight")), (std::vector<double>{4, 3}));
  EXPECT_EQ(numbers(part.vertex_types()), (std::vector<double>{1, 1}));
  EXPECT_EQ(induced(build(list), {}).vertices(), 0);
  expect_error([&] { induced(build(list), std::vector<VertexId>{4}); }, "no vertex 4 among 4");
  expect_error([&] { induced(build(list), std::vector<VertexId>{1, 1}); }, "vertex 1 is chosen twice");
}

TEST(Graph, TheVersionIsOfTheContent) {
  const EdgeList list = edges(3, {{0, 1}, {1, 2}});
  const Graph graph = build(list);
  EXPECT_EQ(graph.version(), build(list).version());
  EXPECT_NE(graph.version(), build(edges(4, {{0, 1}, {1, 2}})).version());
  EXPECT_NE(graph.version(), build(edges(3, {{0, 1}, {2, 1}})).version());
  const Graph one = graph.with_edge_feature("weight", Array::full(DType::f32, {2}, 1));
  EXPECT_NE(graph.version(), one.version());
  EXPECT_NE(one.version(), one.with_edge_feature("weight", Array::full(DType::f32, {2}, 2)).version());
  EXPECT_NE(one.version(), graph.with_edge_feature("w", Array::full(DType::f32, {2}, 1)).version());
  EXPECT_EQ(Graph().vertices(), 0);
}

TEST(Build, BadInput) {
  expect_error([] { build(edges(3, {{0, 3}}), {}, "list"); }, "the target of edge 0 is 3, and there are 3 vertices", "list");
  expect_error([] { build(edges(3, {{0, 1}, {-1, 2}})); }, "the source of edge 1 is -1");
  expect_error([] { build(edges(3, {{0, 1}, {std::int64_t{1} << 40, 2}})); }, "the source of edge 1 is 1099511627776");
  expect_error(
      [] {
        build({.vertices = std::int64_t{1} << 31, .sources = Array::zeros(DType::i64, {0}), .targets = Array::zeros(DType::i64, {0})});
      },
      "2147483648 vertices: ids have 31 bits");
  expect_error([] { build({.vertices = -1, .sources = Array::zeros(DType::i64, {0}), .targets = Array::zeros(DType::i64, {0})}); },
               "-1 vertices");
  expect_error([] { build({.vertices = 1, .sources = Array::zeros(DType::f32, {1}), .targets = Array::zeros(DType::f32, {1})}); },
               "sources are of f32");
  expect_error([] { build({.vertices = 1, .sources = Array::zeros(DType::i64, {2}), .targets = Array::zeros(DType::i64, {1})}); },
               "2 sources and 1 targets");
  EdgeList list = edges(3, {{0, 1}});
  list.edge_features["weight"] = Array::zeros(DType::f32, {2});
  expect_error([&] { build(list); }, "the edge feature 'weight' has sizes [2] for 1 edges");
  list.edge_features.clear();
  list.edge_types = Array::of(std::vector<std::int32_t>{1});
  expect_error([&] { build(list); }, "type 1 of edge 0 has no name");
  list.edge_type_names = {"a"};
  expect_error([&] { build(list, {.self_loops = SelfLoops::add}); }, "type 1 of edge 0 has no name");
  list.edge_types = Array::zeros(DType::i32, {2});
  expect_error([&] { build(list); }, "types of edge are i32 [2], not i32 [1]");
}

TEST(Build, AGraphLargerThanMemoryIsRefusedWithTheBytes) {
  expect_error(
      [] {
        build(edges(1000, {{0, 1}}), {.memory_limit = 10000}, "list");
      },
      "the graph needs 16.0 kB (16020 bytes), and there are 10.0 kB", "list");
}

TEST(Csr, Check) {
  const auto csr = [](std::vector<std::int64_t> offsets, std::vector<VertexId> indices) {
    return Csr{.rows = 2, .columns = 2, .offsets = Array::of(offsets), .indices = Array::of(indices)};
  };
  check(csr({0, 1, 2}, {0, 1}), "file");
  expect_error([&] { check(csr({0, 1}, {0}), "file"); }, "offsets are i64 [2], not i64 [3]", "file");
  expect_error([&] { check(csr({1, 1, 2}, {0, 1}), "file"); }, "the first offset is 1, not 0");
  expect_error([&] { check(csr({0, 2, 1}, {0, 1}), "file"); }, "row 1 begins at 2 and ends at 1");
  expect_error([&] { check(csr({0, 1, 1}, {0, 1}), "file"); }, "the last offset is 1, but there are 2 entries");
  expect_error([&] { check(csr({0, 1, 2}, {0, 2}), "file"); }, "entry 1 is in column 2 of 2");
  expect_error([&] { check(csr({0, 1, 2}, {0, -1}), "file"); }, "entry 1 is in column -1 of 2");
}

}  // namespace
}  // namespace neap::gnn::build_test
