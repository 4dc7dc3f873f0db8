#include "neap/gnn/generate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/machine.h"
#include "tests/gnn/graphs.h"
#include "tests/support/expect_error.h"
#include "tests/support/results.h"

namespace neap::gnn::generate_test {
namespace {

void expect_simple(const Graph& graph, bool undirected = true) {
  const Dense matrix = dense(graph);
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    EXPECT_EQ(matrix[i][i], 0) << "a loop at " << i;
    for (std::size_t k = 0; k < matrix.size(); ++k) EXPECT_LE(matrix[i][k], 1) << "duplicates from " << i << " to " << k;
  }
  EXPECT_TRUE(!undirected || graph.symmetric());
}

// Within 5 deviations of a binomial count.
void expect_count(double found, double draws, double p, const std::string& what) {
  EXPECT_NEAR(found, draws * p, 5 * std::sqrt(draws * p * (1 - p)) + 1e-9) << what;
}

TEST(Generate, ErdosRenyi) {
  for (const double p : {0.0, 0.01, 0.3, 0.97, 1.0}) {
    const Graph graph = erdos_renyi(101, p, 5), directed = erdos_renyi(101, p, 5, true);
    expect_simple(graph);
    expect_simple(directed, p == 0 || p == 1);
    expect_count(static_cast<double>(graph.edges()) / 2, 101 * 50, p, "edges");
    expect_count(static_cast<double>(directed.edges()), 101 * 100, p, "directed edges");
  }
  EXPECT_EQ(erdos_renyi(0, 1, 0).vertices(), 0);
  EXPECT_EQ(erdos_renyi(1, 1, 0).edges(), 0);
}

TEST(Generate, EveryPairIsAsLikely) {
  std::vector<std::vector<int>> counts(7, std::vector<int>(7, 0));
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    for (const auto& [source, target] : listed(erdos_renyi(7, 0.25, seed)))
      ++counts[static_cast<std::size_t>(source)][static_cast<std::size_t>(target)];
  }
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t k = 0; k < i; ++k) expect_count(counts[i][k], 400, 0.25, "a pair");
  }
}

TEST(Generate, BarabasiAlbert) {
  const Graph graph = barabasi_albert(2000, 3, 1);
  expect_simple(barabasi_albert(50, 3, 1));
  EXPECT_GT(graph.edges(), 2 * 3 * 1999 * 0.9);
  EXPECT_LE(graph.edges(), 2 * 3 * 1999);
  std::int64_t largest = 0;
  for (std::int64_t v = 0; v < 2000; ++v) {
    largest = std::max(largest, graph.incoming().length(v));
    EXPECT_GT(graph.incoming().length(v), 0);
  }
  EXPECT_GT(largest, 60) << "degrees of " << std::sqrt(2000.0) << " and more are what the model is for";
  EXPECT_EQ(barabasi_albert(0, 3, 0).vertices(), 0);
  EXPECT_EQ(barabasi_albert(1, 3, 0).edges(), 0);
  EXPECT_EQ(listed(barabasi_albert(2, 3, 0)), (Pairs{{1, 0}, {0, 1}}));
}

TEST(Generate, RMat) {
  expect_simple(r_mat({.scale = 6, .edges = 500}, 1), false);
  const RMat even{.scale = 5, .edges = 20000, .a = .25, .b = .25, .c = .25};
  EXPECT_GT(r_mat(even, 1).edges(), 32 * 31 * 0.99);
  const Graph graph = r_mat({.scale = 10, .edges = 8000}, 2);
  std::int64_t first_quarter = 0;
  for (const auto& [source, target] : listed(graph)) first_quarter += source < 512 && target < 512 ? 1 : 0;
  EXPECT_GT(static_cast<double>(first_quarter) / static_cast<double>(graph.edges()), 0.4);
  const Graph other = r_mat({.scale = 10, .edges = 3000, .a = 0, .b = 1, .c = 0}, 2);
  EXPECT_EQ(listed(other), (Pairs{{0, 1023}})) << "b is the quarter of first sources and last targets";
  EXPECT_EQ(r_mat({.scale = 0, .edges = 10}, 0).edges(), 0);
}

TEST(Generate, WattsStrogatz) {
  const Graph ring = watts_strogatz(7, 4, 0, 1);
  expect_simple(ring);
  EXPECT_EQ(ring.edges(), 28);
  EXPECT_EQ(ring.incoming().row(0)[0], 1);
  const Graph mixed = watts_strogatz(500, 6, 0.3, 1);
  std::int64_t near = 0;
  for (const auto& [source, target] : listed(mixed))
    near += std::min((source - target + 500) % 500, (target - source + 500) % 500) <= 3 ? 1 : 0;
  expect_count(static_cast<double>(near) / 2, 1500, 0.7 + 0.3 * 6 / 499, "edges that stay");
  EXPECT_EQ(watts_strogatz(3, 0, 1, 1).edges(), 0);
  expect_simple(watts_strogatz(40, 4, 1, 3));
}

TEST(Generate, StochasticBlocks) {
  const GraphData data = stochastic_blocks({30, 0, 70}, {{.5, 1, .1}, {1, 1, 1}, {.1, 1, .2}}, 9);
  expect_simple(data.graph);
  double inside_first = 0, inside_last = 0, between = 0;
  for (const auto& [source, target] : listed(data.graph)) {
    (source < 30 && target < 30 ? inside_first : source >= 30 && target >= 30 ? inside_last : between) += 0.5;
  }
  expect_count(inside_first, 30 * 29 / 2.0, .5, "first block");
  expect_count(inside_last, 70 * 69 / 2.0, .2, "last block");
  expect_count(between, 30 * 70, .1, "between");
  EXPECT_EQ(data.labels.get(29), 0);
  EXPECT_EQ(data.labels.get(30), 2);
  check(data);
}

TEST(Generate, PowerLawWithCommunities) {
  const Communities how{.vertices = 3000, .entries = 40000, .communities = 20, .inside = .8, .features = 7, .classes = 5};
  const GraphData data = power_law_communities(how, 3);
  check(data);
  EXPECT_NEAR(static_cast<double>(data.graph.edges()), 40000, 400);
  EXPECT_TRUE(data.graph.symmetric());
  EXPECT_EQ(data.feature_count(), 7);
  double same = 0, loops = 0;
  std::int64_t largest = 0;
  for (const auto& [source, target] : listed(data.graph)) {
    loops += source == target ? 1 : 0;
    same += source != target && data.labels.get(source) == data.labels.get(target) ? 1 : 0;
  }
  for (std::int64_t v = 0; v < 3000; ++v) largest = std::max(largest, data.graph.incoming().length(v));
  EXPECT_EQ(loops, 3000);
  EXPECT_NEAR(same / 37000, .8 + .2 / 5, .05);
  EXPECT_GT(largest, 150);
  EXPECT_EQ(power_law_communities({.vertices = 0, .entries = 10}, 1).vertices(), 0);
  EXPECT_EQ(power_law_communities({.vertices = 1, .entries = 10}, 1).graph.edges(), 1);
  EXPECT_EQ(power_law_communities({.vertices = 5, .entries = 1000, .communities = 2}, 1).graph.edges(), 25);
  EXPECT_NEAR(static_cast<double>(arxiv_like(1, .01).graph.edges()), 2484941 * .01, 250);
  EXPECT_EQ(reddit_like(1, .002).feature_count(), 608);
}

TEST(Generate, TheSameOnAnyNumberOfThreads) {
  std::vector<std::vector<Hash>> versions;
  for (const int count : {1, 2, 5}) {
    const Threads threads(count);
    versions.push_back({erdos_renyi(9000, .001, 1).version(), barabasi_albert(9000, 4, 1).version(),
                        r_mat({.scale = 12, .edges = 30000}, 1).version(), watts_strogatz(9000, 4, .5, 1).version(),
                        stochastic_blocks({5000, 4000}, {{.001, .0001}, {.0001, .002}}, 1).version(),
                        power_law_communities({.vertices = 5000, .entries = 40000}, 1).version()});
  }
  EXPECT_EQ(versions[0], versions[1]);
  EXPECT_EQ(versions[0], versions[2]);
}

TEST(Generate, AnotherSeedIsAnotherGraph) {
  EXPECT_NE(erdos_renyi(50, .3, 1).version(), erdos_renyi(50, .3, 2).version());
  EXPECT_NE(barabasi_albert(50, 3, 1).version(), barabasi_albert(50, 3, 2).version());
  EXPECT_NE(watts_strogatz(50, 4, .3, 1).version(), watts_strogatz(50, 4, .3, 2).version());
}

TEST(Generate, BadInput) {
  expect_error([] { erdos_renyi(10, 1.5, 0); }, "a probability of 1.5", "erdos_renyi");
  expect_error([] { erdos_renyi(10, std::nan(""), 0); }, "a probability of nan", "erdos_renyi");
  expect_error([] { erdos_renyi(-1, .5, 0); }, "-1 vertices", "erdos_renyi");
  expect_error([] { erdos_renyi(100'000'000, .5, 0); }, "the graph needs 180000 TB", "erdos_renyi");
  expect_error([] { barabasi_albert(10, -1, 0); }, "-1 edges a vertex", "barabasi_albert");
  expect_error([] { r_mat({.scale = 31}, 0); }, "a scale of 31", "r_mat");
  expect_error([] { r_mat({.a = .9}, 0); }, "a probability of 1.28", "r_mat");
  expect_error([] { watts_strogatz(4, 4, 0, 0); }, "4 neighbours in a ring of 4 vertices", "watts_strogatz");
  expect_error([] { watts_strogatz(4, 3, 0, 0); }, "3 neighbours", "watts_strogatz");
  expect_error(
      [] {
        stochastic_blocks({1, 1}, {{1, .5}, {.4, 1}}, 0);
      },
      "blocks 0 and 1 have the probabilities 0.5 and 0.4", "stochastic_blocks");
  expect_error([] { stochastic_blocks({1, 1}, {{1, .5}}, 0); }, "no matrix of 2 rows and columns", "stochastic_blocks");
  expect_error([] { stochastic_blocks({-1}, {{1}}, 0); }, "block 0 has -1 vertices", "stochastic_blocks");
  expect_error([] { power_law_communities({.exponent = 1}, 0); }, "a power law of the exponent 1", "power_law_communities");
  expect_error([] { arxiv_like(0, 2); }, "a scale of 2", "power_law_communities");
}

}  // namespace
}  // namespace neap::gnn::generate_test
