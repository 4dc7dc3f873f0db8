#include <algorithm>

#include "neap/base/error.h"
#include "neap/gnn/draw.h"
#include "neap/gnn/sampled.h"

namespace neap::gnn {
namespace {

// `count` of begin .. end-1, ascending (Floyd's method: each draw is new, or takes the last instead).
std::vector<std::int64_t> chosen_edges(std::int64_t begin, std::int64_t end, std::int64_t count, CounterRandom random) {
  std::vector<std::int64_t> chosen;
  if (count < 0 || count >= end - begin) {
    for (std::int64_t edge = begin; edge < end; ++edge) chosen.push_back(edge);
    return chosen;
  }
  for (std::int64_t last = end - count; last < end; ++last) {
    const std::int64_t drawn = begin + random.below(last - begin + 1);
    const auto place = std::ranges::lower_bound(chosen, drawn);
    if (place != chosen.end() && *place == drawn) {
      chosen.push_back(last);  // larger than all before
    } else {
      chosen.insert(place, drawn);
    }
  }
  return chosen;
}

}  // namespace

Numbering::Numbering(const Graph& graph, std::span<const VertexId> seeds) : numbers_(static_cast<std::size_t>(graph.vertices()), -1) {
  for (const VertexId vertex : seeds) {
    if (vertex < 0 || vertex >= graph.vertices())
      throw Error(fmt::format("there is no vertex {} among {}", vertex, graph.vertices()), "sample");
    if (has(vertex)) throw Error(fmt::format("vertex {} is asked for twice", vertex), "sample", "ask for each once");
    number(vertex);
  }
}

VertexId Numbering::number(VertexId vertex) {
  VertexId& number = numbers_[static_cast<std::size_t>(vertex)];
  if (number < 0) {
    number = static_cast<VertexId>(vertices_.size());
    vertices_.push_back(vertex);
  }
  return number;
}

Block block_of(const Graph& graph, const std::vector<std::vector<std::int64_t>>& chosen, Numbering& numbering) {
  const auto sources = graph.incoming().indices.values<VertexId>();
  std::vector<std::int64_t> offsets{0}, edges;
  std::vector<VertexId> columns;
  for (const std::vector<std::int64_t>& row : chosen) {
    for (const std::int64_t edge : row) {
      columns.push_back(numbering.number(sources[static_cast<std::size_t>(edge)]));
      edges.push_back(edge);
    }
    offsets.push_back(static_cast<std::int64_t>(edges.size()));
  }
  Block block;
  block.rows.rows = static_cast<std::int64_t>(chosen.size());
  block.rows.columns = static_cast<std::int64_t>(numbering.vertices().size());
  block.rows.offsets = Array::of(offsets);
  block.rows.indices = Array::of(columns);
  block.edges = graph.edges() <= std::numeric_limits<std::int32_t>::max() ? Array::of(std::vector<std::int32_t>(edges.begin(), edges.end()))
                                                                          : Array::of(edges);
  return block;
}

void check_layers(std::span<const std::int64_t> sizes, std::int64_t least, const char* what) {
  constexpr std::size_t most_layers = 255;
  if (sizes.size() > most_layers) throw Error(fmt::format("{} layers", sizes.size()), "sample", fmt::format("use {} at most", most_layers));
  for (std::size_t layer = 0; layer < sizes.size(); ++layer) {
    if (sizes[layer] < least || sizes[layer] >= std::int64_t{1} << 20) {
      throw Error(fmt::format("layer {} has {} {}", layer, what, sizes[layer]), "sample",
                  fmt::format("use {} to {}", least, (1 << 20) - 1));
    }
  }
}

Sample sample_neighbours(const Graph& graph, std::span<const VertexId> seeds, std::span<const std::int64_t> fan_outs, std::uint64_t seed,
                         std::int64_t epoch) {
  check_layers(fan_outs, -1, "a fan-out of");
  Numbering numbering(graph, seeds);
  Sample sample;
  sample.seeds = static_cast<std::int64_t>(seeds.size());
  sample.blocks.resize(fan_outs.size());
  const Csr& rows = graph.incoming();
  for (std::size_t layer = fan_outs.size(); layer-- > 0;) {  // from the seeds to what they need
    std::vector<std::vector<std::int64_t>> chosen(numbering.vertices().size());
    in_parts(static_cast<std::int64_t>(chosen.size()), [&](std::int64_t begin, std::int64_t end, std::int64_t) {
      for (std::int64_t target = begin; target < end; ++target) {
        const VertexId vertex = numbering.vertices()[static_cast<std::size_t>(target)];
        chosen[static_cast<std::size_t>(target)] =
            chosen_edges(rows.begin(vertex), rows.end(vertex), fan_outs[layer], numbers_of_vertex(seed, epoch, layer, vertex));
      }
    });
    sample.blocks[layer] = block_of(graph, chosen, numbering);
  }
  sample.vertices = Array::of(numbering.vertices());
  return sample;
}

SampleVertices neighbour_sampler(const Graph& graph, std::vector<std::int64_t> fan_outs, std::uint64_t seed) {
  check_layers(fan_outs, -1, "a fan-out of");
  return [=](std::span<const VertexId> seeds, std::int64_t epoch) { return sample_neighbours(graph, seeds, fan_outs, seed, epoch); };
}

}  // namespace neap::gnn
