// What the generators share: edges drawn by several threads, the same whatever their number.
#pragma once
#include <cmath>
#include <exception>
#include <vector>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/data/random.h"
#include "neap/gnn/build.h"

namespace neap::gnn {

struct DrawnEdges {
  std::vector<VertexId> sources, targets;
  void add(std::int64_t source, std::int64_t target) {
    sources.push_back(static_cast<VertexId>(source));
    targets.push_back(static_cast<VertexId>(target));
  }
};

// The numbers of one item (a vertex, an edge) for one purpose: 2^32 of them.
inline CounterRandom numbers_of(std::uint64_t seed, std::int64_t purpose, std::int64_t item) {
  return CounterRandom(seed, Draw::generate, purpose, static_cast<std::uint64_t>(item) << 32);
}

// 0 <= value < 1, of 53 bits.
inline double uniform(CounterRandom& random) {
  const std::uint64_t high = random.next(), word = (high << 32) | random.next();
  return static_cast<double>(word >> 11) * 0x1p-53;
}

constexpr std::int64_t part_length = 4096;
constexpr std::int64_t part_count(std::int64_t items) { return (items + part_length - 1) / part_length; }

// Calls draw(begin, end, part) for parts of 0 .. items-1 of that length, several at once; nothing that it throws is lost.
template <class F>
void in_parts(std::int64_t items, F&& draw) {
  const std::int64_t parts = part_count(items);
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic) num_threads(thread_count()) if (parts > 1)
  for (std::int64_t part = 0; part < parts; ++part) {
    try {
      draw(part * part_length, std::min(items, (part + 1) * part_length), part);
    } catch (...) {
#pragma omp critical
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

// The edges that draw(item, edges) adds for each item, in the order of the items.
template <class F>
EdgeList drawn(std::int64_t vertices, std::int64_t items, F&& draw) {
  if (items >> 32 != 0) throw Error(fmt::format("{} draws, more than 2^32", items), "generator", "draw fewer edges");
  std::vector<DrawnEdges> parts(static_cast<std::size_t>(part_count(items)));
  in_parts(items, [&](std::int64_t begin, std::int64_t end, std::int64_t part) {
    for (std::int64_t item = begin; item < end; ++item) draw(item, parts[static_cast<std::size_t>(part)]);
  });
  std::int64_t edges = 0;
  for (const DrawnEdges& part : parts) edges += static_cast<std::int64_t>(part.sources.size());
  EdgeList list{.vertices = vertices, .sources = Array(DType::i32, {edges}), .targets = Array(DType::i32, {edges})};
  auto source = list.sources.values<VertexId>().begin(), target = list.targets.values<VertexId>().begin();
  for (DrawnEdges& part : parts) {
    source = std::ranges::copy(part.sources, source).out;
    target = std::ranges::copy(part.targets, target).out;
    part = {};
  }
  return list;
}

// Calls hit(i) for each i in begin .. end-1 with the probability p, by the gaps between hits (Batagelj & Brandes 2005).
template <class F>
void bernoulli(CounterRandom& random, std::int64_t begin, std::int64_t end, double p, F&& hit) {
  if (p <= 0) return;
  const double scale = p >= 1 ? 0 : 1 / std::log1p(-p);
  for (std::int64_t at = begin; at < end; ++at) {
    if (p < 1) {
      const double gap = std::floor(std::log1p(-uniform(random)) * scale);
      if (gap >= static_cast<double>(end - at)) return;
      at += static_cast<std::int64_t>(gap);
    }
    hit(at);
  }
}

void check_generated(std::int64_t vertices, double edges, const std::string& generator);
void check_probability(double p, const std::string& generator);

}  // namespace neap::gnn
