// Random graphs. Each is a function of its parameters and the seed: the same on every machine and any number of threads. All are simple:
// neither self loops nor duplicates; undirected ones hold both directions of each edge. Error on parameters out of range, and on graphs
// larger than memory.
#pragma once
#include "neap/gnn/graph_data.h"

namespace neap::gnn {

// Every pair of vertices is an edge with the probability p (Gilbert 1959). Directed: every ordered pair.
Graph erdos_renyi(std::int64_t vertices, double p, std::uint64_t seed, bool directed = false);

// Vertices come one after the other; each draws `edges_each` earlier vertices by their degree (Barabasi & Albert 1999; drawn as in Sanders
// & Schulz 2016, so that no edge waits for another). Undirected. A vertex drawn twice counts once.
Graph barabasi_albert(std::int64_t vertices, std::int64_t edges_each, std::uint64_t seed);

// 2^scale vertices; each drawn edge falls into a quarter of the adjacency, then of the quarter, ... with the probabilities a, b, c, 1-a-b-c
// (Chakrabarti et al. 2004; the defaults are those of Graph500). Directed. Fewer edges than drawn: loops and duplicates are dropped.
struct RMat {
  int scale = 10;
  std::int64_t edges = 16 << 10;  // drawn
  double a = 0.57, b = 0.19, c = 0.19;
};
Graph r_mat(const RMat& how, std::uint64_t seed);

// A ring in which each vertex knows its `neighbours` (even) nearest; the far end of each edge goes with the probability p to another vertex
// (Watts & Strogatz 1998). Undirected. An edge that is there already counts once.
Graph watts_strogatz(std::int64_t vertices, std::int64_t neighbours, double p, std::uint64_t seed);

// Blocks of vertices; an edge between one of block i and one of block k has the probability p[i][k] (Holland et al. 1983). Undirected. The
// label of a vertex is its block.
GraphData stochastic_blocks(const std::vector<std::int64_t>& sizes, const std::vector<std::vector<double>>& p, std::uint64_t seed);

// Degrees by a power law (Chung & Lu 2002) and planted communities, in the order of neither: what community orders are to find again.
// Undirected, each vertex with a self loop. The label of a vertex is that of its community; features are the label's centre with noise.
struct Communities {
  std::int64_t vertices = 10000,
               entries = 150000;  // entries: edges in both directions and loops, met within 1 % where the graph has room for them
  double exponent = 2.5;
  std::int64_t communities = 40;  // 1: none
  double inside = 0.75;           // part of the edges that stay in a community
  std::int64_t features = 32, classes = 10;
  double noise = 4;  // deviation, where centres have 1
};
GraphData power_law_communities(const Communities& how, std::uint64_t seed);

// The sizes of ogbn-arxiv (169,343 vertices, 2.48 M entries, 128 features, 40 classes), and of a denser graph (50,000 vertices, 10 M
// entries, 608 features, 41 classes); `scale` < 1: a part of the vertices and entries.
GraphData arxiv_like(std::uint64_t seed, double scale = 1);
GraphData reddit_like(std::uint64_t seed, double scale = 1);

}  // namespace neap::gnn
