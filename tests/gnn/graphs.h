// Small graphs, and the plain definitions that graphs are compared with.
#pragma once
#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "neap/gnn/build.h"

namespace neap::gnn {

using Pairs = std::vector<std::pair<std::int64_t, std::int64_t>>;  // source, target
using Dense = std::vector<std::vector<int>>;                       // [source][target]: how many edges

inline EdgeList edges(std::int64_t vertices, const Pairs& pairs) {
  std::vector<std::int64_t> sources, targets;
  for (const auto& [source, target] : pairs) {
    sources.push_back(source);
    targets.push_back(target);
  }
  return {.vertices = vertices, .sources = Array::of(sources), .targets = Array::of(targets)};
}

inline Pairs random_pairs(std::int64_t vertices, std::int64_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Pairs pairs;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto source = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(vertices));
    pairs.emplace_back(source, static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(vertices)));
  }
  return pairs;
}

// No vertex, no edge, one vertex, loops, duplicates, isolated vertices, a hub, and random ones.
inline std::vector<std::pair<std::int64_t, Pairs>> odd_graphs() {
  std::vector<std::pair<std::int64_t, Pairs>> graphs = {
      {0, {}},
      {1, {}},
      {1, {{0, 0}}},
      {1, {{0, 0}, {0, 0}}},
      {5, {}},
      {2, {{0, 1}}},
      {3, {{0, 1}, {0, 1}, {1, 0}, {2, 2}}},
      {7, {{1, 3}, {3, 1}, {5, 5}}},
      {6, {{5, 0}, {5, 1}, {5, 2}, {5, 3}, {5, 4}, {0, 5}}},
      {4, {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {0, 2}}},
  };
  for (const std::int64_t vertices : {2, 3, 7, 13, 31})
    graphs.emplace_back(vertices, random_pairs(vertices, 3 * vertices, static_cast<std::uint64_t>(vertices)));
  return graphs;
}

inline Dense dense(std::int64_t vertices, const Pairs& pairs) {
  Dense matrix(static_cast<std::size_t>(vertices), std::vector<int>(static_cast<std::size_t>(vertices), 0));
  for (const auto& [source, target] : pairs) ++matrix[static_cast<std::size_t>(source)][static_cast<std::size_t>(target)];
  return matrix;
}

// The edges in the graph's order.
inline Pairs listed(const Graph& graph) {
  Pairs pairs;
  for (std::int64_t target = 0; target < graph.vertices(); ++target) {
    for (const VertexId source : graph.incoming().row(target)) pairs.emplace_back(source, target);
  }
  return pairs;
}

inline Dense dense(const Graph& graph) { return dense(graph.vertices(), listed(graph)); }

inline std::vector<double> numbers(const Array& array) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < array.count(); ++i) values.push_back(array.get(i));
  return values;
}

}  // namespace neap::gnn
