#include "neap/gnn/sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "neap/base/machine.h"
#include "neap/gnn/generate.h"
#include "tests/gnn/graphs.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::gnn::sample_test {
namespace {

using Ids = std::vector<VertexId>;

Ids ids(const Array& array) {
  const auto values = array.values<VertexId>();
  return {values.begin(), values.end()};
}

// What every sample must hold: vertices once, seeds first, edges of the graph between the vertices that they say, layers that fit.
void expect_sound(const Graph& graph, const Sample& sample, const Ids& seeds) {
  const Ids vertices = ids(sample.vertices);
  EXPECT_EQ(std::set<VertexId>(vertices.begin(), vertices.end()).size(), vertices.size());
  ASSERT_EQ(sample.seeds, static_cast<std::int64_t>(seeds.size()));
  EXPECT_TRUE(std::equal(seeds.begin(), seeds.end(), vertices.begin()));
  const Pairs edges = listed(graph);
  std::int64_t columns = sample.vertices.count();
  for (const Block& block : sample.blocks) {
    check(block.rows, "block");
    EXPECT_EQ(block.rows.columns, columns);
    columns = block.rows.rows;
    ASSERT_EQ(block.edges.count(), block.rows.entries());
    for (std::int64_t target = 0; target < block.rows.rows; ++target) {
      for (std::int64_t entry = block.rows.begin(target); entry < block.rows.end(target); ++entry) {
        const auto source = static_cast<std::size_t>(block.rows.indices.get_int(entry));
        const auto [from, to] = edges[static_cast<std::size_t>(block.edges.get_int(entry))];
        EXPECT_EQ(from, vertices[source]);
        EXPECT_EQ(to, vertices[static_cast<std::size_t>(target)]);
      }
    }
  }
  EXPECT_EQ(columns, sample.blocks.empty() ? sample.vertices.count() : sample.seeds);
}

Hash hash_of(const Sample& sample) {
  Hasher hasher;
  hasher.add(bytes_of(sample.vertices));
  for (const Block& block : sample.blocks)
    hasher.add(bytes_of(block.rows.offsets)).add(bytes_of(block.rows.indices)).add(bytes_of(block.edges)).add(bytes_of(block.weights));
  return hasher.finish();
}

TEST(SampleNeighbours, OfOddGraphs) {
  for (const auto& [vertices, pairs] : odd_graphs()) {
    const Graph graph = build(edges(vertices, pairs));
    Ids seeds;
    for (std::int64_t v = vertices - 1; v >= 0; v -= 2) seeds.push_back(static_cast<VertexId>(v));
    for (const std::vector<std::int64_t>& fan_outs : std::vector<std::vector<std::int64_t>>{{}, {-1}, {2, 3}, {0, 1}, {1, -1, 2}}) {
      const Sample sample = sample_neighbours(graph, seeds, fan_outs, 7, 1);
      ASSERT_EQ(sample.blocks.size(), fan_outs.size());
      expect_sound(graph, sample, seeds);
      for (std::size_t layer = 0; layer < fan_outs.size(); ++layer) {
        const Block& block = sample.blocks[layer];
        for (std::int64_t target = 0; target < block.rows.rows; ++target) {
          const std::int64_t all = graph.incoming().length(sample.vertices.get_int(target));
          EXPECT_EQ(block.rows.length(target), fan_outs[layer] < 0 ? all : std::min(all, fan_outs[layer]));
        }
      }
      const auto used = numbers(sample.blocks.empty() ? Array::zeros(DType::i32, {0}) : sample.blocks[0].edges);
      EXPECT_EQ(std::set<double>(used.begin(), used.end()).size(), used.size()) << "no edge twice in a layer";
    }
  }
}

TEST(SampleNeighbours, AllNeighboursGiveTheWholeComputation) {
  // Two rounds of summing over all edges are the same on the sample as on the graph.
  const Graph graph = build(edges(31, random_pairs(31, 93, 4)));
  std::vector<double> values(31);
  std::iota(values.begin(), values.end(), 1);
  const auto summed = [](const Csr& rows, const std::vector<double>& x) {
    std::vector<double> y(static_cast<std::size_t>(rows.rows), 0);
    for (std::int64_t row = 0; row < rows.rows; ++row) {
      for (const VertexId column : rows.row(row)) y[static_cast<std::size_t>(row)] += x[static_cast<std::size_t>(column)];
    }
    return y;
  };
  const Ids seeds = {5, 17, 2};
  const Sample sample = sample_neighbours(graph, seeds, std::vector<std::int64_t>{-1, -1}, 0, 0);
  std::vector<double> x;
  for (const VertexId vertex : ids(sample.vertices)) x.push_back(values[static_cast<std::size_t>(vertex)]);
  const auto found = summed(sample.blocks[1].rows, summed(sample.blocks[0].rows, x));
  const auto wanted = summed(graph.incoming(), summed(graph.incoming(), values));
  for (std::size_t i = 0; i < seeds.size(); ++i) EXPECT_EQ(found[i], wanted[static_cast<std::size_t>(seeds[i])]);
}

TEST(SampleNeighbours, EveryNeighbourIsAsLikely) {
  Pairs star;
  for (std::int64_t v = 1; v <= 10; ++v) star.emplace_back(v, 0);
  const Graph graph = build(edges(11, star));
  std::vector<int> counts(11, 0);
  std::map<std::pair<double, double>, int> pairs;
  constexpr int rounds = 3000;
  for (int epoch = 0; epoch < rounds; ++epoch) {
    const Sample sample = sample_neighbours(graph, Ids{0}, std::vector<std::int64_t>{3}, 1, epoch);
    for (const VertexId vertex : ids(sample.vertices)) ++counts[static_cast<std::size_t>(vertex)];
    ++pairs[{sample.vertices.get(1), sample.vertices.get(2)}];
  }
  for (std::size_t v = 1; v <= 10; ++v) EXPECT_NEAR(counts[v], rounds * .3, 5 * std::sqrt(rounds * .3 * .7));
  EXPECT_GT(pairs.size(), 30U) << "pairs of the first two of 3 of 10 ascending: 36";
}

TEST(SampleNeighbours, TheSameOnAnyNumberOfThreadsAndInAnyBatch) {
  const GraphData data = power_law_communities({.vertices = 9000, .entries = 90000, .features = 0}, 1);
  Ids seeds(6000);
  std::iota(seeds.begin(), seeds.end(), 500);
  std::set<std::string> hashes;
  for (const int count : {1, 2, 5}) {
    const Threads threads(count);
    hashes.insert(hash_of(sample_neighbours(data.graph, seeds, std::vector<std::int64_t>{5, 5}, 3, 2)).hex());
    hashes.insert(hash_of(neighbour_sampler(data.graph, {5, 5}, 3)(seeds, 2)).hex());
  }
  EXPECT_EQ(hashes.size(), 1U);
  const auto neighbours_of = [&](const Ids& batch, VertexId vertex, std::int64_t epoch) {
    const Sample sample = sample_neighbours(data.graph, batch, std::vector<std::int64_t>{4}, 3, epoch);
    const auto at = std::ranges::find(batch, vertex) - batch.begin();
    std::vector<double> all;
    for (std::int64_t entry = sample.blocks[0].rows.begin(at); entry < sample.blocks[0].rows.end(at); ++entry)
      all.push_back(sample.blocks[0].edges.get(entry));
    return all;
  };
  EXPECT_EQ(neighbours_of({7, 8, 9}, 8, 0), neighbours_of({100, 8}, 8, 0));
  int others = 0;
  for (VertexId v = 0; v < 50; ++v) others += neighbours_of({v}, v, 0) != neighbours_of({v}, v, 1) ? 1 : 0;
  EXPECT_GT(others, 25) << "another epoch is another sample";
}

TEST(SampleLayers, OfOddGraphs) {
  for (const auto& [vertices, pairs] : odd_graphs()) {
    const Graph graph = build(edges(vertices, pairs));
    Ids seeds;
    for (std::int64_t v = 0; v < vertices; v += 3) seeds.push_back(static_cast<VertexId>(v));
    for (const std::vector<std::int64_t>& sizes : std::vector<std::vector<std::int64_t>>{{}, {3}, {0}, {2, 4}}) {
      const Sample sample = sample_layers(graph, seeds, sizes, {}, 7, 1);
      expect_sound(graph, sample, seeds);
      for (std::size_t layer = 0; layer < sizes.size(); ++layer) {
        const Block& block = sample.blocks[layer];
        EXPECT_LE(block.rows.columns, block.rows.rows + sizes[layer]);
        for (std::int64_t target = 0; target < block.rows.rows; ++target) {
          double sum = 0;
          for (std::int64_t entry = block.rows.begin(target); entry < block.rows.end(target); ++entry) sum += block.weights.get(entry);
          if (block.rows.length(target) > 0) {
            EXPECT_NEAR(sum, graph.incoming().length(sample.vertices.get_int(target)), 1e-4);
          }
        }
      }
    }
  }
}

TEST(SampleLayers, WhereAllFitNothingChanges) {
  const Graph graph = build(edges(13, random_pairs(13, 50, 2)));
  std::vector<float> given;
  for (int i = 0; i < 50; ++i) given.push_back(static_cast<float>(1 + i % 7));
  const Sample sample = sample_layers(graph, Ids{1, 2}, std::vector<std::int64_t>{100}, Array::of(given), 0, 0);
  for (std::int64_t entry = 0; entry < sample.blocks[0].rows.entries(); ++entry) {
    EXPECT_FLOAT_EQ(static_cast<float>(sample.blocks[0].weights.get(entry)),
                    given[static_cast<std::size_t>(sample.blocks[0].edges.get_int(entry))]);
  }
  EXPECT_EQ(sample.blocks[0].rows.entries(), graph.incoming().length(1) + graph.incoming().length(2));
}

TEST(SampleLayers, HeavyVerticesAreDrawnMoreOften) {
  const Graph graph = build(edges(4, {{1, 0}, {2, 0}, {3, 0}}));
  const Array weights = Array::of(std::vector<float>{3, 1, 1});
  std::vector<int> counts(4, 0);
  constexpr int rounds = 3000;
  for (int epoch = 0; epoch < rounds; ++epoch)
    ++counts[static_cast<std::size_t>(sample_layers(graph, Ids{0}, std::vector<std::int64_t>{1}, weights, 5, epoch).vertices.get_int(1))];
  EXPECT_NEAR(counts[1], rounds * 9 / 11.0, 120);
  EXPECT_NEAR(counts[2], rounds / 11.0, 90);
}

TEST(SampleLayers, TheSameAgain) {
  const GraphData data = power_law_communities({.vertices = 500, .entries = 5000, .features = 0}, 1);
  const auto sampler = layer_sampler(data.graph, {50, 50}, {}, 3);
  const Ids seeds = {1, 5, 99};
  EXPECT_EQ(hash_of(sampler(seeds, 1)), hash_of(sampler(seeds, 1)));
  EXPECT_NE(hash_of(sampler(seeds, 1)), hash_of(sampler(seeds, 2)));
}

TEST(Sample, BadInput) {
  const Graph graph = build(edges(3, {{0, 1}}));
  expect_error([&] { sample_neighbours(graph, Ids{3}, std::vector<std::int64_t>{1}, 0, 0); }, "there is no vertex 3 among 3");
  expect_error([&] { sample_neighbours(graph, Ids{-1}, std::vector<std::int64_t>{1}, 0, 0); }, "there is no vertex -1 among 3");
  expect_error([&] { sample_neighbours(graph, Ids{1, 1}, std::vector<std::int64_t>{1}, 0, 0); }, "vertex 1 is asked for twice");
  expect_error([&] { neighbour_sampler(graph, {1, -2}, 0); }, "layer 1 has a fan-out of -2");
  expect_error([&] { neighbour_sampler(graph, {std::int64_t{1} << 40}, 0); }, "layer 0 has a fan-out of 1099511627776");
  expect_error([&] { layer_sampler(graph, {-1}, {}, 0); }, "layer 0 has a size of -1");
  expect_error([&] { sample_layers(graph, Ids{1}, std::vector<std::int64_t>{1}, Array::zeros(DType::f32, {2}), 0, 0); },
               "weights of sizes [2] for 1 edges");
}

}  // namespace
}  // namespace neap::gnn::sample_test
