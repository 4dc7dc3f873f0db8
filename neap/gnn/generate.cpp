#include "neap/gnn/generate.h"

#include "neap/base/error.h"
#include "neap/base/memory.h"
#include "neap/gnn/draw.h"

namespace neap::gnn {
namespace {

enum Purpose : std::uint8_t { erdos_renyi_rows, barabasi_albert_edges, r_mat_edges, watts_strogatz_edges };

constexpr BuildOptions undirected{.duplicates = Duplicates::drop, .self_loops = SelfLoops::drop, .symmetrize = true};
constexpr BuildOptions as_drawn{.duplicates = Duplicates::drop, .self_loops = SelfLoops::drop};

}  // namespace

void check_generated(std::int64_t vertices, double edges, const std::string& generator) {
  if (vertices < 0 || vertices > most_vertices) {
    throw Error(fmt::format("{} vertices", vertices), generator, fmt::format("use 0 to {}", most_vertices));
  }
  constexpr double edge_bytes = 8 + 4 + 8 + 8 + 8;  // as drawn, its row's entry, orders of the builder
  check_memory(16.0 * static_cast<double>(vertices) + edge_bytes * edges, "the graph", generator);
}

void check_probability(double p, const std::string& generator) {
  if (!(p >= 0 && p <= 1)) throw Error(fmt::format("a probability of {}", p), generator, "use 0 to 1");
}

Graph erdos_renyi(std::int64_t vertices, double p, std::uint64_t seed, bool directed) {
  check_probability(p, "erdos_renyi");
  check_generated(vertices, p * static_cast<double>(vertices) * static_cast<double>(vertices), "erdos_renyi");
  const EdgeList list = drawn(vertices, vertices, [&](std::int64_t row, DrawnEdges& edges) {
    CounterRandom random = numbers_of(seed, erdos_renyi_rows, row);
    const auto hit = [&](std::int64_t column) { edges.add(row, column); };
    bernoulli(random, 0, row, p, hit);
    if (directed) bernoulli(random, row + 1, vertices, p, hit);
  });
  return build(list, directed ? as_drawn : undirected, "erdos_renyi");
}

Graph barabasi_albert(std::int64_t vertices, std::int64_t edges_each, std::uint64_t seed) {
  if (edges_each < 0) throw Error(fmt::format("{} edges a vertex", edges_each), "barabasi_albert", "use 0 or more");
  check_generated(vertices, 2 * static_cast<double>(vertices) * static_cast<double>(edges_each), "barabasi_albert");
  // Edge i is from vertex 1 + i / edges_each. Its ends have the positions 2 i (from) and 2 i + 1 (to); to draw a position among those of
  // earlier vertices is to draw a vertex by its degree. A position that is a far end is followed to what that edge drew.
  const std::int64_t edges = std::max<std::int64_t>(0, vertices - 1) * edges_each;
  const auto target_of = [&](std::int64_t edge) -> std::int64_t {
    for (;;) {
      const std::int64_t earlier = 2 * edges_each * (edge / edges_each);
      if (earlier == 0) return 0;  // vertex 1 has only vertex 0 to draw
      const std::int64_t position = numbers_of(seed, barabasi_albert_edges, edge).below(earlier);
      edge = position / 2;
      if (position % 2 == 0) return 1 + edge / edges_each;
    }
  };
  const EdgeList list =
      drawn(vertices, edges, [&](std::int64_t edge, DrawnEdges& into) { into.add(1 + edge / edges_each, target_of(edge)); });
  return build(list, undirected, "barabasi_albert");
}

Graph r_mat(const RMat& how, std::uint64_t seed) {
  constexpr int most_scale = 30;
  if (how.scale < 0 || how.scale > most_scale)
    throw Error(fmt::format("a scale of {}", how.scale), "r_mat", fmt::format("use 0 to {}", most_scale));
  if (how.edges < 0) throw Error(fmt::format("{} edges", how.edges), "r_mat", "use 0 or more");
  for (const double p : {how.a, how.b, how.c, how.a + how.b + how.c}) check_probability(p, "r_mat");
  const std::int64_t vertices = std::int64_t{1} << how.scale;
  check_generated(vertices, static_cast<double>(how.edges), "r_mat");
  const EdgeList list = drawn(vertices, how.edges, [&](std::int64_t edge, DrawnEdges& edges) {
    CounterRandom random = numbers_of(seed, r_mat_edges, edge);
    std::int64_t source = 0, target = 0;
    for (int level = 0; level < how.scale; ++level) {
      const double u = uniform(random);
      source = 2 * source + (u >= how.a + how.b ? 1 : 0);
      target = 2 * target + ((u >= how.a && u < how.a + how.b) || u >= how.a + how.b + how.c ? 1 : 0);
    }
    edges.add(source, target);
  });
  return build(list, as_drawn, "r_mat");
}

Graph watts_strogatz(std::int64_t vertices, std::int64_t neighbours, double p, std::uint64_t seed) {
  check_probability(p, "watts_strogatz");
  if (neighbours < 0 || neighbours % 2 != 0 || (neighbours > 0 && neighbours >= vertices)) {
    throw Error(fmt::format("{} neighbours in a ring of {} vertices", neighbours, vertices), "watts_strogatz",
                "use an even number below that of vertices");
  }
  check_generated(vertices, static_cast<double>(vertices) * static_cast<double>(neighbours), "watts_strogatz");
  const std::int64_t half = neighbours / 2;
  const EdgeList list = drawn(vertices, vertices * half, [&](std::int64_t edge, DrawnEdges& edges) {
    const std::int64_t source = edge / half;
    std::int64_t target = (source + 1 + edge % half) % vertices;
    CounterRandom random = numbers_of(seed, watts_strogatz_edges, edge);
    if (uniform(random) < p) {
      target = random.below(vertices - 1);
      if (target >= source) ++target;  // any but itself
    }
    edges.add(source, target);
  });
  return build(list, undirected, "watts_strogatz");
}

}  // namespace neap::gnn
