#include <algorithm>
#include <cmath>

#include "neap/base/error.h"
#include "neap/gnn/draw.h"
#include "neap/gnn/sampled.h"

namespace neap::gnn {
namespace {

// A vertex that some target's edge comes from, and is no target.
struct Candidate {
  VertexId vertex = 0;
  double squares = 0;  // of the weights of its edges to targets
  double key = 0;      // the smallest are drawn
};

class LayerSampler {
 public:
  LayerSampler(const Graph& graph, const Array& weights, std::uint64_t seed, std::int64_t epoch)
      : graph_(graph), weights_(weights), seed_(seed), epoch_(epoch) {
    if (!weights.empty() && weights.sizes() != Sizes{graph.edges()}) {
      throw Error(fmt::format("weights of sizes {} for {} edges", to_string(weights.sizes()), graph.edges()), "sample",
                  "give one for each edge");
    }
  }

  Block sample(std::size_t layer, std::int64_t size, Numbering& numbering) {
    const std::vector<VertexId> targets = numbering.vertices();
    std::vector<double> chances(static_cast<std::size_t>(graph_.vertices()), 0);  // of each vertex to be there
    for (const VertexId target : targets) chances[static_cast<std::size_t>(target)] = 1;
    for (const Candidate& drawn : draw(layer, size, targets, numbering, chances)) numbering.number(drawn.vertex);
    std::vector<std::vector<std::int64_t>> kept(targets.size());
    const Csr& rows = graph_.incoming();
    for (std::size_t target = 0; target < targets.size(); ++target) {
      for (std::int64_t edge = rows.begin(targets[target]); edge < rows.end(targets[target]); ++edge) {
        if (numbering.has(source(edge))) kept[target].push_back(edge);
      }
    }
    Block block = block_of(graph_, kept, numbering);
    block.weights = scaled(targets, kept, chances);
    return block;
  }

 private:
  VertexId source(std::int64_t edge) const { return graph_.incoming().indices.values<VertexId>()[static_cast<std::size_t>(edge)]; }
  double weight(std::int64_t edge) const { return weights_.empty() ? 1 : weights_.get(edge); }

  // Efraimidis & Spirakis 2006: the keys -log(u) / p, u uniform, are smallest for a sample by p without replacement.
  std::vector<Candidate> draw(std::size_t layer, std::int64_t size, const std::vector<VertexId>& targets, const Numbering& numbering,
                              std::vector<double>& chances) {
    std::vector<Candidate> candidates;
    std::vector<std::int32_t> place(static_cast<std::size_t>(graph_.vertices()), -1);
    double sum = 0;
    for (const VertexId target : targets) {
      for (std::int64_t edge = graph_.incoming().begin(target); edge < graph_.incoming().end(target); ++edge) {
        const VertexId from = source(edge);
        if (numbering.has(from) || weight(edge) == 0) continue;
        auto& at = place[static_cast<std::size_t>(from)];
        if (at < 0) {
          at = static_cast<std::int32_t>(candidates.size());
          candidates.push_back({.vertex = from});
        }
        const double square = weight(edge) * weight(edge);
        candidates[static_cast<std::size_t>(at)].squares += square;
        sum += square;
      }
    }
    for (Candidate& candidate : candidates) {
      CounterRandom random = numbers_of_vertex(seed_, epoch_, layer, candidate.vertex);
      candidate.key = -std::log1p(-uniform(random)) / candidate.squares;
      chances[static_cast<std::size_t>(candidate.vertex)] = std::min(1.0, static_cast<double>(size) * candidate.squares / sum);
    }
    if (static_cast<std::int64_t>(candidates.size()) > size) {
      std::ranges::sort(candidates,
                        [](const Candidate& a, const Candidate& b) { return std::pair(a.key, a.vertex) < std::pair(b.key, b.vertex); });
      candidates.resize(static_cast<std::size_t>(size));
    } else {
      for (const Candidate& candidate : candidates) chances[static_cast<std::size_t>(candidate.vertex)] = 1;
    }
    std::ranges::sort(candidates, {}, &Candidate::vertex);
    return candidates;
  }

  Array scaled(const std::vector<VertexId>& targets, const std::vector<std::vector<std::int64_t>>& kept,
               const std::vector<double>& chances) const {
    std::vector<float> all;
    for (std::size_t target = 0; target < targets.size(); ++target) {
      double wanted = 0, found = 0;
      for (std::int64_t edge = graph_.incoming().begin(targets[target]); edge < graph_.incoming().end(targets[target]); ++edge)
        wanted += weight(edge);
      const auto estimate = [&](std::int64_t edge) { return weight(edge) / chances[static_cast<std::size_t>(source(edge))]; };
      for (const std::int64_t edge : kept[target]) found += estimate(edge);
      const double scale = found == 0 ? 0 : wanted / found;
      for (const std::int64_t edge : kept[target]) all.push_back(static_cast<float>(estimate(edge) * scale));
    }
    return Array::of(all);
  }

  const Graph& graph_;
  const Array& weights_;
  std::uint64_t seed_;
  std::int64_t epoch_;
};

}  // namespace

Sample sample_layers(const Graph& graph, std::span<const VertexId> seeds, std::span<const std::int64_t> sizes, const Array& weights,
                     std::uint64_t seed, std::int64_t epoch) {
  check_layers(sizes, 0, "a size of");
  Numbering numbering(graph, seeds);
  LayerSampler sampler(graph, weights, seed, epoch);
  Sample sample;
  sample.seeds = static_cast<std::int64_t>(seeds.size());
  sample.blocks.resize(sizes.size());
  for (std::size_t layer = sizes.size(); layer-- > 0;) sample.blocks[layer] = sampler.sample(layer, sizes[layer], numbering);
  sample.vertices = Array::of(numbering.vertices());
  return sample;
}

SampleVertices layer_sampler(const Graph& graph, std::vector<std::int64_t> sizes, const Array& weights, std::uint64_t seed) {
  check_layers(sizes, 0, "a size of");
  return [=](std::span<const VertexId> seeds, std::int64_t epoch) { return sample_layers(graph, seeds, sizes, weights, seed, epoch); };
}

}  // namespace neap::gnn
