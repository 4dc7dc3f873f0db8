#include "neap/gnn/build.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "neap/base/error.h"
#include "neap/base/memory.h"

namespace neap::gnn {
namespace {

using Ids = std::vector<VertexId>;
using EdgeOrder = std::vector<std::int64_t>;

template <class T>
Ids ids_as(const Array& ids, std::int64_t vertices, const std::string& what, const std::string& place) {
  Ids checked(static_cast<std::size_t>(ids.count()));
  const auto values = ids.values<T>();
  for (std::size_t i = 0; i < checked.size(); ++i) {
    if (values[i] < 0 || values[i] >= vertices) {
      throw Error(fmt::format("the {} of edge {} is {}, and there are {} vertices, from 0", what, i, values[i], vertices), place,
                  "mend the edge, or give the right number of vertices");
    }
    checked[i] = static_cast<VertexId>(values[i]);
  }
  return checked;
}

Ids checked_ids(const Array& ids, std::int64_t vertices, const std::string& what, const std::string& place) {
  if (ids.dtype() == DType::i32) return ids_as<std::int32_t>(ids, vertices, what, place);
  if (ids.dtype() == DType::i64) return ids_as<std::int64_t>(ids, vertices, what, place);
  throw Error(fmt::format("{}s are of {}", what, name(ids.dtype())), place, "give i32 or i64");
}

// `order` put into that of keys[order[i]], equal ones as they were.
EdgeOrder sorted_by(const Ids& keys, const EdgeOrder& order, std::int64_t limit) {
  std::vector<std::int64_t> next(static_cast<std::size_t>(limit) + 1, 0);
  for (const VertexId key : keys) ++next[static_cast<std::size_t>(key) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  EdgeOrder sorted(order.size());
  for (const std::int64_t at : order)
    sorted[static_cast<std::size_t>(next[static_cast<std::size_t>(keys[static_cast<std::size_t>(at)])]++)] = at;
  return sorted;
}

// What becomes of a list of edges: each of the new edges is one of the old, or a self loop that there was not (-1).
class Builder {
 public:
  Builder(EdgeList list, const BuildOptions& options, const std::string& place) : list_(std::move(list)), options_(options), place_(place) {
    if (list_.vertices < 0 || list_.vertices > most_vertices) {
      throw Error(fmt::format("{} vertices: ids have 31 bits", list_.vertices), place_, fmt::format("use 0 to {}", most_vertices));
    }
    check_lengths();
    const double copies = options_.symmetrize ? 2 : 1, edges = static_cast<double>(list_.edges());
    double edge = 4 + 8 + 8;  // ids, two orders
    for (const auto& [name, values] : list_.edge_features) edge += static_cast<double>(values.bytes()) / std::max(1.0, edges);
    check_memory(16.0 * static_cast<double>(list_.vertices) + copies * edges * edge, "the graph", place_, options_.memory_limit);
    sources_ = checked_ids(list_.sources, list_.vertices, "source", place_);
    targets_ = checked_ids(list_.targets, list_.vertices, "target", place_);
    origin_.resize(sources_.size());
    std::iota(origin_.begin(), origin_.end(), 0);
  }

  Graph build() {
    if (options_.self_loops == SelfLoops::drop) drop_self_loops();
    if (options_.symmetrize) append_reverse();
    if (options_.self_loops == SelfLoops::add) append_self_loops();
    const EdgeOrder order = sorted();
    return options_.duplicates == Duplicates::keep ? graph_of(order, {}) : without_duplicates(order);
  }

 private:
  void check_lengths() const {
    const std::int64_t edges = list_.edges();
    if (list_.targets.count() != edges)
      throw Error(fmt::format("{} sources and {} targets", edges, list_.targets.count()), place_, "give both ends of each edge");
    if (list_.edge_types.count() != 0 || typed()) check_types(list_.edge_types, list_.edge_type_names, edges, "edge", place_);
    for (const auto& [name, values] : list_.edge_features) check_edge_feature(name, values, edges, place_);
  }
  bool typed() const { return !list_.edge_type_names.empty(); }
  std::int32_t type(std::int64_t at) const {
    if (!typed()) return 0;
    const std::int64_t from = origin_[static_cast<std::size_t>(at)];
    return from < 0 ? self_type_ : list_.edge_types.values<std::int32_t>()[static_cast<std::size_t>(from)];
  }
  void append(VertexId source, VertexId target, std::int64_t from) {
    sources_.push_back(source);
    targets_.push_back(target);
    origin_.push_back(from);
  }

  void drop_self_loops() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i] == targets_[i]) continue;
      std::tie(sources_[kept], targets_[kept], origin_[kept]) = std::tuple(sources_[i], targets_[i], origin_[i]);
      ++kept;
    }
    sources_.resize(kept), targets_.resize(kept), origin_.resize(kept);
  }
  void append_reverse() {
    for (std::size_t i = 0, edges = sources_.size(); i < edges; ++i) {
      if (sources_[i] != targets_[i]) append(targets_[i], sources_[i], origin_[i]);
    }
  }
  void append_self_loops() {
    std::vector<bool> has(static_cast<std::size_t>(list_.vertices));
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i] == targets_[i]) has[static_cast<std::size_t>(sources_[i])] = true;
    }
    auto& names = list_.edge_type_names;
    if (typed()) {
      self_type_ = static_cast<std::int32_t>(std::ranges::find(names, "self") - names.begin());
      if (self_type_ == static_cast<std::int32_t>(names.size())) names.emplace_back("self");
    }
    for (std::size_t vertex = 0; vertex < has.size(); ++vertex) {
      if (!has[vertex]) append(static_cast<VertexId>(vertex), static_cast<VertexId>(vertex), -1);
    }
  }

  // By target, then source, then type, then as they were.
  EdgeOrder sorted() const {
    EdgeOrder order(sources_.size());
    std::iota(order.begin(), order.end(), 0);
    if (typed() && options_.duplicates != Duplicates::keep) {
      std::ranges::stable_sort(order, {}, [&](std::int64_t at) { return type(at); });
    }
    return sorted_by(targets_, sorted_by(sources_, order, list_.vertices), list_.vertices);
  }
  bool same(std::int64_t a, std::int64_t b) const {
    const auto i = static_cast<std::size_t>(a), k = static_cast<std::size_t>(b);
    return sources_[i] == sources_[k] && targets_[i] == targets_[k] && type(a) == type(b);
  }

  Graph without_duplicates(const EdgeOrder& order) {
    EdgeOrder firsts;
    std::vector<std::int64_t> group(order.size());  // the new edge of each entry of `order`
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (firsts.empty() || !same(firsts.back(), order[i])) {
        firsts.push_back(order[i]);
      } else if (options_.duplicates == Duplicates::error) {
        const auto first = static_cast<std::size_t>(firsts.back()), at = static_cast<std::size_t>(order[i]);
        throw Error(fmt::format("edge {} from {} to {} is the same as edge {}", origin_[at], sources_[at], targets_[at], origin_[first]),
                    place_, "remove one of them, or build with duplicates kept, summed or dropped");
      }
      group[i] = static_cast<std::int64_t>(firsts.size()) - 1;
    }
    if (options_.duplicates != Duplicates::sum) return graph_of(firsts, {});
    NamedArrays sums;
    for (const auto& [name, values] : list_.edge_features) sums[name] = summed(name, values, order, group, firsts.size());
    if (!sums.contains("weight")) {
      Array counts = Array::zeros(DType::f32, {static_cast<std::int64_t>(firsts.size())});
      for (const std::int64_t to : group) counts.values<float>()[static_cast<std::size_t>(to)] += 1;
      sums["weight"] = counts;
    }
    return graph_of(firsts, std::move(sums));
  }

  // In f64 (integers exactly), rounded to the dtype once.
  Array summed(const std::string& name, const Array& values, const EdgeOrder& order, const std::vector<std::int64_t>& group,
               std::size_t edges) const {
    Sizes sizes = values.sizes();
    const std::int64_t width = sizes[0] == 0 ? 0 : values.count() / sizes[0];
    sizes[0] = static_cast<std::int64_t>(edges);
    const bool exact = !is_float(values.dtype());
    Array sums = Array::zeros(exact ? DType::i64 : DType::f64, sizes);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::int64_t from = origin_[static_cast<std::size_t>(order[i])];
      for (std::int64_t f = 0; f < width; ++f) {
        const std::int64_t to = group[i] * width + f;
        if (exact) sums.set_int(to, sums.get_int(to) + (from < 0 ? filling(name) : values.get_int(from * width + f)));
        if (!exact) sums.set(to, sums.get(to) + (from < 0 ? filling(name) : values.get(from * width + f)));
      }
    }
    return sums.cast(values.dtype());
  }

  static int filling(const std::string& feature) { return feature == "weight" ? 1 : 0; }

  Array picked(const Array& values, const EdgeOrder& order, int filled) const {
    Sizes sizes = values.sizes();
    const std::int64_t before = sizes[0], width = before == 0 ? element_count({sizes.begin() + 1, sizes.end()}) : values.count() / before;
    sizes[0] = static_cast<std::int64_t>(order.size());
    Array rows = Array::full(values.dtype(), sizes, filled);
    const std::int64_t bytes = width * size_of(values.dtype());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::int64_t from = origin_[static_cast<std::size_t>(order[i])];
      if (from >= 0) std::copy_n(values.raw() + from * bytes, bytes, rows.raw() + static_cast<std::int64_t>(i) * bytes);
    }
    return rows;
  }

  // The edges `order`; features are `given`, or those of the list.
  Graph graph_of(const EdgeOrder& order, NamedArrays given) {
    const auto edges = static_cast<std::int64_t>(order.size());
    GraphParts parts{.incoming = {.rows = list_.vertices,
                                  .columns = list_.vertices,
                                  .offsets = Array::zeros(DType::i64, {list_.vertices + 1}),
                                  .indices = Array(DType::i32, {edges})},
                     .vertex_types = list_.vertex_types,
                     .edge_type_names = list_.edge_type_names,
                     .vertex_type_names = list_.vertex_type_names,
                     .edge_features = std::move(given)};
    const auto offsets = parts.incoming.offsets.values<std::int64_t>();
    const auto indices = parts.incoming.indices.values<VertexId>();
    for (std::size_t i = 0; i < order.size(); ++i) {
      indices[i] = sources_[static_cast<std::size_t>(order[i])];
      ++offsets[static_cast<std::size_t>(targets_[static_cast<std::size_t>(order[i])]) + 1];
    }
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    if (typed()) parts.edge_types = picked(list_.edge_types, order, self_type_);
    if (parts.edge_features.empty()) {
      for (const auto& [name, values] : list_.edge_features) parts.edge_features[name] = picked(values, order, filling(name));
    }
    return Graph(std::move(parts), place_);
  }

  EdgeList list_;
  BuildOptions options_;
  std::string place_;
  Ids sources_, targets_;
  EdgeOrder origin_;  // of each edge in the list; -1: a self loop that was added
  std::int32_t self_type_ = 0;
};

}  // namespace

Graph build(EdgeList edges, const BuildOptions& options, const std::string& place) {
  return Builder(std::move(edges), options, place).build();
}

EdgeList edge_list(const Graph& graph) {
  const Csr& rows = graph.incoming();
  EdgeList list{.vertices = graph.vertices(),
                .sources = rows.indices.clone(),
                .targets = rows_of_entries(rows),
                .edge_types = graph.edge_types().clone(),
                .vertex_types = graph.vertex_types().clone(),
                .edge_type_names = graph.edge_type_names(),
                .vertex_type_names = graph.vertex_type_names()};
  for (const auto& [name, values] : graph.edge_features()) list.edge_features[name] = values.clone();
  return list;
}

Graph symmetrized(const Graph& graph) { return build(edge_list(graph), {.duplicates = Duplicates::drop, .symmetrize = true}, "graph"); }

Graph with_self_loops(const Graph& graph) { return build(edge_list(graph), {.self_loops = SelfLoops::add}, "graph"); }

}  // namespace neap::gnn
