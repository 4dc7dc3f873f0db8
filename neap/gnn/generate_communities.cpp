#include <algorithm>
#include <numbers>
#include <numeric>

#include "neap/base/error.h"
#include "neap/gnn/draw.h"
#include "neap/gnn/generate.h"

namespace neap::gnn {
namespace {

enum CommunityPurpose : std::uint8_t {
  block_rows = 16,
  community_of,
  weight_of,
  centre_of,
  noise_of,
  edge_round
};  // the rounds of edges follow

std::vector<std::string> numbers_below(std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

// Two of them (Box & Muller 1958).
std::pair<double, double> normal(CounterRandom& random) {
  const double radius = std::sqrt(-2 * std::log1p(-uniform(random))), angle = 2 * std::numbers::pi * uniform(random);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

// Vertices drawn by weight, from all or from one community.
class WeightedVertices {
 public:
  WeightedVertices(const Communities& how, std::uint64_t seed) : how_(how), communities_(static_cast<std::size_t>(how.vertices)) {
    std::vector<double> weights(communities_.size());
    in_parts(how.vertices, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
      for (std::int64_t vertex = begin; vertex < end; ++vertex) {
        CounterRandom where = numbers_of(seed, community_of, vertex), weight = numbers_of(seed, weight_of, vertex);
        communities_[static_cast<std::size_t>(vertex)] = where.below(how.communities);
        weights[static_cast<std::size_t>(vertex)] = std::min(std::pow(1 - uniform(weight), -1 / (how.exponent - 1)), largest());
      }
    });
    begins_.assign(static_cast<std::size_t>(how.communities) + 1, 0);
    for (const std::int64_t community : communities_) ++begins_[static_cast<std::size_t>(community) + 1];
    std::partial_sum(begins_.begin(), begins_.end(), begins_.begin());
    members_.resize(communities_.size());
    std::vector<std::int64_t> next(begins_.begin(), begins_.end() - 1);
    for (std::size_t vertex = 0; vertex < communities_.size(); ++vertex) {
      members_[static_cast<std::size_t>(next[static_cast<std::size_t>(communities_[vertex])]++)] = static_cast<VertexId>(vertex);
    }
    sums_.push_back(0);
    for (const VertexId member : members_) sums_.push_back(sums_.back() + weights[static_cast<std::size_t>(member)]);
  }
  std::int64_t community(std::int64_t vertex) const { return communities_[static_cast<std::size_t>(vertex)]; }
  VertexId any(CounterRandom& random) const { return among(0, static_cast<std::int64_t>(members_.size()), random); }
  VertexId inside(std::int64_t community, CounterRandom& random) const {
    return among(begins_[static_cast<std::size_t>(community)], begins_[static_cast<std::size_t>(community) + 1], random);
  }

 private:
  // A vertex of more weight would be drawn for more edges than there are others (Chung & Lu's condition, at the mean weight of the law).
  double largest() const { return std::sqrt(static_cast<double>(how_.vertices)) * (how_.exponent - 1) / std::max(how_.exponent - 2, 0.1); }
  VertexId among(std::int64_t begin, std::int64_t end, CounterRandom& random) const {
    const auto first = sums_.begin() + begin, last = sums_.begin() + end;
    const double wanted = *first + uniform(random) * (*last - *first);
    const auto above = std::upper_bound(first, last, wanted);
    return members_[static_cast<std::size_t>(std::clamp<std::int64_t>(above - sums_.begin() - 1, begin, end - 1))];
  }
  const Communities& how_;
  std::vector<std::int64_t> communities_, begins_;
  std::vector<VertexId> members_;  // by community
  std::vector<double> sums_;       // of the weights of the members before
};

// Edges are drawn in rounds, each of what is missing: duplicates and loops of the rounds before.
Graph draw_graph(const Communities& how, const WeightedVertices& vertices, std::uint64_t seed) {
  Graph graph = build({.vertices = how.vertices, .sources = Array::zeros(DType::i32, {0}), .targets = Array::zeros(DType::i32, {0})},
                      {.self_loops = SelfLoops::add});
  constexpr int most_rounds = 12;
  for (int round = 0; round < most_rounds && how.vertices > 0 && graph.edges() < how.entries - how.entries / 100; ++round) {
    const std::int64_t missing = (how.entries - graph.edges()) / 2;
    EdgeList list = drawn(how.vertices, missing, [&](std::int64_t edge, DrawnEdges& edges) {
      CounterRandom random = numbers_of(seed, edge_round + round, edge);
      const bool stays = uniform(random) < how.inside;
      const VertexId source = vertices.any(random);
      const VertexId target = stays ? vertices.inside(vertices.community(source), random) : vertices.any(random);
      if (source != target) edges.add(source, target);
    });
    const EdgeList before = edge_list(graph);
    const auto joined = [](const Array& a, const Array& b) {
      Array both(DType::i32, {a.count() + b.count()});
      std::ranges::copy(b.values<VertexId>(), std::ranges::copy(a.values<VertexId>(), both.values<VertexId>().begin()).out);
      return both;
    };
    list.sources = joined(before.sources, list.sources);
    list.targets = joined(before.targets, list.targets);
    graph = build(std::move(list), {.duplicates = Duplicates::drop, .symmetrize = true}, "power_law_communities");
  }
  return graph;
}

Array draw_features(const Communities& how, const Array& labels, std::uint64_t seed) {
  const std::int64_t width = how.features;
  std::vector<double> centres(static_cast<std::size_t>(how.classes * width));
  for (std::size_t i = 0; i < centres.size(); ++i) {
    CounterRandom random = numbers_of(seed, centre_of, static_cast<std::int64_t>(i));
    centres[i] = normal(random).first;
  }
  Array features(DType::f32, {how.vertices, width});
  const auto values = features.values<float>();
  in_parts(how.vertices, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
    for (std::int64_t vertex = begin; vertex < end; ++vertex) {
      CounterRandom random = numbers_of(seed, noise_of, vertex);
      const double* centre = centres.data() + labels.get_int(vertex) * width;
      for (std::int64_t f = 0; f < width; f += 2) {
        const auto [first, second] = normal(random);
        values[static_cast<std::size_t>(vertex * width + f)] = static_cast<float>(centre[f] + how.noise * first);
        if (f + 1 < width)
          values[static_cast<std::size_t>(vertex * width + f + 1)] = static_cast<float>(centre[f + 1] + how.noise * second);
      }
    }
  });
  return features;
}

Communities scaled(Communities how, double scale) {
  if (!(scale > 0 && scale <= 1)) throw Error(fmt::format("a scale of {}", scale), "power_law_communities", "use a part of 1");
  how.vertices = std::max<std::int64_t>(1, std::llround(static_cast<double>(how.vertices) * scale));
  how.entries = std::llround(static_cast<double>(how.entries) * scale);
  how.communities = std::max<std::int64_t>(1, std::llround(static_cast<double>(how.communities) * scale));
  return how;
}

}  // namespace

GraphData stochastic_blocks(const std::vector<std::int64_t>& sizes, const std::vector<std::vector<double>>& p, std::uint64_t seed) {
  std::vector<std::int64_t> begins{0};
  double edges = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0) throw Error(fmt::format("block {} has {} vertices", i, sizes[i]), "stochastic_blocks", "use 0 or more");
    begins.push_back(begins.back() + std::min(sizes[i], most_vertices + 1));
    if (p.size() != sizes.size() || p[i].size() != sizes.size()) {
      throw Error(fmt::format("probabilities for {} blocks are no matrix of {} rows and columns", sizes.size(), sizes.size()),
                  "stochastic_blocks");
    }
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      check_probability(p[i][k], "stochastic_blocks");
      if (p[k].size() == sizes.size() && p[i][k] != p[k][i]) {
        throw Error(fmt::format("blocks {} and {} have the probabilities {} and {}", i, k, p[i][k], p[k][i]), "stochastic_blocks",
                    "give a symmetric matrix");
      }
      edges += p[i][k] * static_cast<double>(sizes[i]) * static_cast<double>(sizes[k]);
    }
  }
  const std::int64_t vertices = begins.back();
  check_generated(vertices, edges, "stochastic_blocks");
  GraphData data;
  data.labels = Array(DType::i64, {vertices});
  for (std::size_t block = 0; block < sizes.size(); ++block) {
    std::fill(data.labels.values<std::int64_t>().begin() + begins[block], data.labels.values<std::int64_t>().begin() + begins[block + 1],
              static_cast<std::int64_t>(block));
  }
  const EdgeList list = drawn(vertices, vertices, [&](std::int64_t row, DrawnEdges& edges_of_row) {
    CounterRandom random = numbers_of(seed, block_rows, row);
    const auto block = static_cast<std::size_t>(data.labels.get_int(row));
    for (std::size_t other = 0; other <= block; ++other) {
      bernoulli(random, begins[other], std::min(row, begins[other + 1]), p[block][other],
                [&](std::int64_t column) { edges_of_row.add(row, column); });
    }
  });
  data.graph = build(list, {.symmetrize = true}, "stochastic_blocks");
  data.class_names = numbers_below(static_cast<std::int64_t>(sizes.size()));
  data.about = {{"source", "stochastic blocks"}, {"seed", std::to_string(seed)}};
  return data;
}

GraphData power_law_communities(const Communities& how, std::uint64_t seed) {
  const std::string place = "power_law_communities";
  if (how.communities < 1 || how.classes < 1 || how.features < 0 || how.entries < 0)
    throw Error("sizes below the least", place, "use 1 community and class or more");
  if (!(how.exponent > 1)) throw Error(fmt::format("a power law of the exponent {}", how.exponent), place, "use more than 1");
  check_probability(how.inside, place);
  check_generated(how.vertices,
                  2 * static_cast<double>(how.entries) + static_cast<double>(how.vertices) * static_cast<double>(how.features) / 8, place);
  const WeightedVertices vertices(how, seed);
  GraphData data;
  data.graph = draw_graph(how, vertices, seed);
  data.labels = Array(DType::i64, {how.vertices});
  for (std::int64_t vertex = 0; vertex < how.vertices; ++vertex) data.labels.set_int(vertex, vertices.community(vertex) % how.classes);
  data.class_names = numbers_below(how.classes);
  if (how.features > 0) {
    data.dense = draw_features(how, data.labels, seed);
    data.groups = {{"features", 0, how.features}};
  }
  data.about = {{"source", "power law with planted communities"}, {"seed", std::to_string(seed)}};
  split_vertices(data, 0.5, 0.2, seed);
  return data;
}

GraphData arxiv_like(std::uint64_t seed, double scale) {
  return power_law_communities(
      scaled({.vertices = 169343, .entries = 2484941, .exponent = 2.5, .communities = 400, .inside = 0.75, .features = 128, .classes = 40},
             scale),
      seed);
}

GraphData reddit_like(std::uint64_t seed, double scale) {
  return power_law_communities(
      scaled({.vertices = 50000, .entries = 10000000, .exponent = 2.5, .communities = 100, .inside = 0.75, .features = 608, .classes = 41},
             scale),
      seed);
}

}  // namespace neap::gnn
