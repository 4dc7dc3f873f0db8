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

Array renumbered(const Array& vertices, const std::vector<VertexId>& places, bool sorted) {
  if (vertices.count() == 0) return vertices;
  Array made = vertices.clone();
  for (VertexId& vertex : made.values<VertexId>()) vertex = places[static_cast<std::size_t>(vertex)];
  if (sorted) std::ranges::sort(made.values<VertexId>());
  return made;
}

Array rows_in(const Array& values, const Array& order) { return values.count() == 0 ? values : rows_at(values, order); }

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
  list.sources = renumbered(list.sources, places, false);
  list.targets = renumbered(list.targets, places, false);
  list.vertex_types = rows_in(list.vertex_types, order);
  return build(std::move(list), {}, "order");
}

GraphData reordered(const GraphData& data, const Array& order) {
  GraphData made = data;
  made.graph = reordered(data.graph, order);
  const std::vector<VertexId> places = places_of(order);
  made.dense = rows_in(data.dense, order);
  if (data.is_sparse()) made.sparse = rows_of(data.sparse, order.values<VertexId>());
  made.labels = rows_in(data.labels, order);
  for (Array* part : {&made.training, &made.validation, &made.test}) *part = renumbered(*part, places, true);
  if (!data.vertex_names.empty()) {
    for (std::size_t i = 0; i < places.size(); ++i) made.vertex_names[static_cast<std::size_t>(places[i])] = data.vertex_names[i];
  }
  return made;
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
