#include "neap/gnn/reorder.h"

#include <algorithm>

#include "neap/base/error.h"

namespace neap::gnn {
namespace {

// Element v: the place of vertex v.
std::vector<VertexId> places_of(const Array& order) {
  std::vector<VertexId> places(static_cast<std::size_t>(order.count()));
  const auto vertices = order.values<VertexId>();
  for (std::size_t i = 0; i < vertices.size(); ++i) places[static_cast<std::size_t>(vertices[i])] = static_cast<VertexId>(i);
  return places;
}

}  // namespace

void check_order(const Array& order, std::int64_t vertices) {
  if (order.dtype() != DType::i32 || order.sizes() != Sizes{vertices}) {
    throw Error(fmt::format("an order of {} {} for {} vertices", name(order.dtype()), to_string(order.sizes()), vertices), "order",
                "give i32, each vertex once");
  }
  std::vector<bool> seen(static_cast<std::size_t>(vertices));
  for (const VertexId vertex : order.values<VertexId>()) {
    if (vertex < 0 || vertex >= vertices)
      throw Error(fmt::format("there is no vertex {} among {}", vertex, vertices), "order", "give each vertex once");
    if (seen[static_cast<std::size_t>(vertex)])
      throw Error(fmt::format("vertex {} is there twice", vertex), "order", "give each vertex once");
    seen[static_cast<std::size_t>(vertex)] = true;
  }
}

Csr reordered_rows(const Graph& graph, const Array& order, Array* entries) {
  check_order(order, graph.vertices());
  const Csr& rows = graph.incoming();
  const Transpose& out = graph.outgoing();
  const std::vector<VertexId> places = places_of(order);
  const auto vertices = order.values<VertexId>();
  Csr made{.rows = rows.rows,
           .columns = rows.columns,
           .offsets = Array::zeros(DType::i64, {rows.rows + 1}),
           .indices = Array(DType::i32, {rows.entries()})};
  const auto ends = made.offsets.values<std::int64_t>();
  for (std::size_t i = 0; i < vertices.size(); ++i) ends[i + 1] = ends[i] + rows.length(vertices[i]);
  std::vector<std::int64_t> next(ends.begin(), ends.end() - 1);
  const auto to = made.indices.values<VertexId>();
  const auto targets = out.csr.indices.values<VertexId>();
  if (entries != nullptr) *entries = Array(DType::i64, {rows.entries()});
  const auto from = entries != nullptr ? entries->values<std::int64_t>() : std::span<std::int64_t>();
  // Source by source in the new order: each row's then rise by themselves.
  for (std::size_t i = 0; i < vertices.size(); ++i) {
    const auto end = static_cast<std::size_t>(out.csr.end(vertices[i]));
    for (auto at = static_cast<std::size_t>(out.csr.begin(vertices[i])); at < end; ++at) {
      const auto place = static_cast<std::size_t>(next[static_cast<std::size_t>(places[static_cast<std::size_t>(targets[at])])]++);
      to[place] = static_cast<VertexId>(i);
      if (!from.empty()) from[place] = out.entries.get_int(static_cast<std::int64_t>(at));
    }
  }
  return made;
}

Graph reordered(const Graph& graph, const Array& order) {
  Array entries;
  GraphParts parts{.incoming = reordered_rows(graph, order, &entries),
                   .edge_type_names = graph.edge_type_names(),
                   .vertex_type_names = graph.vertex_type_names()};
  if (graph.edge_types().count() > 0) parts.edge_types = rows_at(graph.edge_types(), entries);
  if (graph.vertex_types().count() > 0) parts.vertex_types = rows_at(graph.vertex_types(), order);
  for (const auto& [name, values] : graph.edge_features()) parts.edge_features.emplace(name, rows_at(values, entries));
  return Graph(std::move(parts), "order");
}

GraphData reordered(const GraphData& data, const Array& order) {
  return with_vertices(data, reordered(data.graph, order), order.values<VertexId>());
}

Array restored(const Array& results, const Array& order) {
  if (results.rank() == 0 || results.size(0) != order.count()) {
    throw Error(fmt::format("results of sizes {} for {} vertices", to_string(results.sizes()), order.count()), "order",
                "give a row for each vertex");
  }
  check_order(order, order.count());
  return rows_at(results, Array::of(places_of(order)));
}

}  // namespace neap::gnn
