// Small graphs with everything that is odd about graphs, and dense matrices to compute on them by plain loops.
#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "neap/nn/edges.h"

namespace neap {

using Rows = std::vector<std::vector<double>>;

struct ExampleEdge {
  std::int64_t source, target;
  double weight;
};
struct ExampleGraph {
  std::string name;
  std::int64_t sources, targets;
  std::vector<ExampleEdge> list;  // by target

  Edges edges(bool with_weights) const {
    const auto count = static_cast<std::int64_t>(list.size());
    Array offsets = Array::zeros(DType::i64, {targets + 1}), t_offsets = Array::zeros(DType::i64, {sources + 1});
    Array columns(DType::i32, {count}), t_rows(DType::i32, {count}), t_order(DType::i32, {count}), weights(DType::f64, {count});
    std::int64_t at = 0;
    for (std::int64_t s = 0; s < sources; ++s) {
      for (std::size_t e = 0; e < list.size(); ++e) {
        if (list[e].source != s) continue;
        t_rows.set(at, static_cast<double>(list[e].target));
        t_order.set(at++, static_cast<double>(e));
      }
      t_offsets.set(s + 1, static_cast<double>(at));
    }
    for (std::size_t e = 0; e < list.size(); ++e) {
      const auto k = static_cast<std::int64_t>(e);
      columns.set(k, static_cast<double>(list[e].source));
      weights.set(k, list[e].weight);
      for (std::int64_t t = list[e].target + 1; t <= targets; ++t) offsets.set(t, offsets.get(t) + 1);
    }
    Edges made{.offsets = offsets, .columns = columns, .t_offsets = t_offsets, .t_rows = t_rows, .t_order = t_order};
    if (with_weights) made.weights = weights;
    return made;
  }
};

inline std::vector<ExampleGraph> example_graphs() {
  return {{"one way, loops, an edge twice, vertices alone",
           5,
           5,
           {{1, 0, 0.5}, {4, 0, 2}, {0, 2, 1}, {2, 2, 0.25}, {4, 2, 1.5}, {4, 2, 0.75}, {1, 4, 1}, {0, 4, 3}, {2, 4, 0.5}}},
          {"no vertex", 0, 0, {}},
          {"one vertex, alone", 1, 1, {}},
          {"one vertex with a loop", 1, 1, {{0, 0, 2}}},
          {"no edges", 3, 3, {}}};
}

inline Array filled(const Sizes& sizes, double phase, DType dtype = DType::f64) {
  Array made(dtype, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::sin(1.7 * static_cast<double>(i) + phase));
  return made;
}

inline Rows rows_of(const Tensor& x) {
  const Array& array = x.array();
  const std::int64_t width = array.count() / std::max<std::int64_t>(1, array.size(0));
  Rows rows;
  for (std::int64_t i = 0; i < array.size(0); ++i) {
    rows.emplace_back();
    for (std::int64_t k = 0; k < width; ++k) rows.back().push_back(array.get(i * width + k));
  }
  return rows;
}

inline Rows zero_rows(std::size_t rows, std::size_t width) { return Rows(rows, std::vector<double>(width, 0)); }

// x w^T, w [out, in].
inline Rows times(const Rows& x, const Rows& w) {
  Rows y = zero_rows(x.size(), w.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t o = 0; o < w.size(); ++o) {
      for (std::size_t k = 0; k < x[i].size(); ++k) y[i][o] += x[i][k] * w[o][k];
    }
  }
  return y;
}

inline Rows plus(Rows a, const Rows& b, double factor = 1) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < a[i].size(); ++k) a[i][k] += factor * b[i][k];
  }
  return a;
}

inline Rows plus_bias(Rows a, const Tensor& bias) {
  for (auto& row : a) {
    for (std::size_t k = 0; k < row.size(); ++k) row[k] += bias.array().get(static_cast<std::int64_t>(k));
  }
  return a;
}

// A[target][source], edges that are there twice added; `weight` of each edge.
inline Rows adjacency(const ExampleGraph& graph, const std::function<double(const ExampleEdge&)>& weight) {
  Rows a = zero_rows(static_cast<std::size_t>(graph.targets), static_cast<std::size_t>(graph.sources));
  for (const ExampleEdge& edge : graph.list)
    a[static_cast<std::size_t>(edge.target)][static_cast<std::size_t>(edge.source)] += weight(edge);
  return a;
}

// A x for x of as many rows as A has columns.
inline Rows along(const Rows& a, const Rows& x, std::size_t width) {
  Rows y = zero_rows(a.size(), width);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      for (std::size_t k = 0; k < width; ++k) y[i][k] += a[i][j] * x[j][k];
    }
  }
  return y;
}

}  // namespace neap
