// What the samplers share: vertices numbered as they come, and blocks made of chosen edges.
#pragma once
#include <span>
#include <vector>

#include "neap/data/random.h"
#include "neap/gnn/sample.h"

namespace neap::gnn {

// The numbers of one vertex in one layer: 2^24 of them.
inline CounterRandom numbers_of_vertex(std::uint64_t seed, std::int64_t epoch, std::size_t layer, std::int64_t vertex) {
  return CounterRandom(seed, Draw::sample, epoch, (static_cast<std::uint64_t>(layer) << 56) | (static_cast<std::uint64_t>(vertex) << 24));
}

class Numbering {
 public:
  // Error on a seed that does not exist or is there twice.
  Numbering(const Graph& graph, std::span<const VertexId> seeds);
  VertexId number(VertexId vertex);  // a new one where it has none
  bool has(VertexId vertex) const { return numbers_[static_cast<std::size_t>(vertex)] >= 0; }
  const std::vector<VertexId>& vertices() const { return vertices_; }

 private:
  std::vector<VertexId> numbers_, vertices_;
};

// The block of these edges of the first chosen.size() vertices; their sources are numbered as they come.
Block block_of(const Graph& graph, const std::vector<std::vector<std::int64_t>>& chosen, Numbering& numbering);

void check_layers(std::span<const std::int64_t> sizes, std::int64_t least, const char* what);

}  // namespace neap::gnn
