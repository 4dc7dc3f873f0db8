#include "neap/gnn/reorder.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/gnn/build.h"

namespace neap::gnn {
namespace {

// Element v: the place of vertex v.
std::vector<VertexId> places_of(const Array& order) {
  std::vector<VertexId> places(static_cast<std::size_t>(order.count()));
  const auto vertices = order.values<VertexId>();
  for (std::size_t i = 0; i < vertices.size(); ++i) places[static_cast<std::size_t>(vertices[i])] = static_cast<VertexId>(i);
  return places;
}

Array renumbered(const Array& vertices, const std::vector<VertexId>& places) {
  Array made = vertices.clone();
  for (VertexId& vertex : made.values<VertexId>()) vertex = places[static_cast<std::size_t>(vertex)];
  return made;
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

Graph reordered(const Graph& graph, const Array& order) {
  check_order(order, graph.vertices());
  const std::vector<VertexId> places = places_of(order);
  EdgeList list = edge_list(graph);
  list.sources = renumbered(list.sources, places);
  list.targets = renumbered(list.targets, places);
  if (list.vertex_types.count() > 0) list.vertex_types = rows_at(list.vertex_types, order);
  return build(std::move(list), {}, "order");
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
