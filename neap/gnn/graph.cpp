#include "neap/gnn/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "neap/base/error.h"

namespace neap::gnn {

struct Graph::Structure {
  explicit Structure(Csr csr) : incoming(std::move(csr)) {
    hash = Hasher().add(static_cast<std::uint64_t>(incoming.rows)).add(bytes_of(incoming.offsets)).add(bytes_of(incoming.indices)).finish();
  }
  Csr incoming;
  Hash hash;
  mutable std::once_flag once;
  mutable Transpose outgoing;
};

void check_types(const Array& types, const std::vector<std::string>& names, std::int64_t count, const std::string& of,
                 const std::string& place) {
  if (types.count() == 0 && names.empty()) return;
  if (types.dtype() != DType::i32 || types.sizes() != Sizes{count}) {
    throw Error(fmt::format("types of {} are {} {}, not i32 [{}]", of, name(types.dtype()), to_string(types.sizes()), count), place,
                "give one type each, or none at all");
  }
  const auto values = types.values<std::int32_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= static_cast<std::int64_t>(names.size())) {
      throw Error(fmt::format("type {} of {} {} has no name: there are {}", values[i], of, i, names.size()), place, "name every type");
    }
  }
}

void check_edge_feature(const std::string& name, const Array& values, std::int64_t edges, const std::string& place) {
  if (values.rank() > 0 && values.size(0) == edges) return;
  throw Error(fmt::format("the edge feature {} has sizes {} for {} edges", shown(name), to_string(values.sizes()), edges), place,
              "give one row for each edge");
}

void add_array(Hasher& hasher, const Array& array) {
  hasher.add(name(array.dtype()));
  for (const std::int64_t size : array.sizes()) hasher.add(static_cast<std::uint64_t>(size));
  hasher.add(bytes_of(array));
}

namespace {

Array chosen(const Array& values, const std::vector<std::int64_t>& rows) {
  return values.count() == 0 && values.rank() < 2 ? values : rows_at(values, Array::of(rows));
}

Graph with_edges(const Graph& graph, Csr incoming, const std::vector<std::int64_t>& edges, Array vertex_types) {
  GraphParts parts{.incoming = std::move(incoming),
                   .edge_types = chosen(graph.edge_types(), edges),
                   .vertex_types = std::move(vertex_types),
                   .edge_type_names = graph.edge_type_names(),
                   .vertex_type_names = graph.vertex_type_names()};
  for (const auto& [name, values] : graph.edge_features()) parts.edge_features[name] = rows_at(values, Array::of(edges));
  return Graph(std::move(parts));
}

}  // namespace

Graph::Graph(GraphParts parts, const std::string& place) {
  check(parts.incoming, place);
  if (parts.incoming.rows != parts.incoming.columns) {
    throw Error(fmt::format("{} rows and {} columns", parts.incoming.rows, parts.incoming.columns), place,
                "a graph has one row and one column for each vertex");
  }
  const std::int64_t edges = parts.incoming.entries();
  check_types(parts.edge_types, parts.edge_type_names, edges, "edge", place);
  check_types(parts.vertex_types, parts.vertex_type_names, parts.incoming.rows, "vertex", place);
  for (const auto& [name, values] : parts.edge_features) check_edge_feature(name, values, edges, place);
  structure_ = std::make_shared<const Structure>(std::move(parts.incoming));
  parts.incoming = {};
  parts_ = std::make_shared<const GraphParts>(std::move(parts));
  name_version();
}

void Graph::name_version() {
  Hasher hasher;
  hasher.add(structure_->hash.low).add(structure_->hash.high);
  for (const Array* types : {&parts_->edge_types, &parts_->vertex_types}) add_array(hasher, *types);
  for (const auto* names : {&parts_->edge_type_names, &parts_->vertex_type_names}) {
    hasher.add(names->size());
    for (const std::string& name : *names) hasher.add(name);
  }
  for (const auto& [name, values] : parts_->edge_features) {
    hasher.add(name);
    add_array(hasher, values);
  }
  version_ = hasher.finish();
}

const Csr& Graph::incoming() const { return structure_->incoming; }

const Transpose& Graph::outgoing() const {
  std::call_once(structure_->once, [&] { structure_->outgoing = transpose(structure_->incoming); });
  return structure_->outgoing;
}

const Array& Graph::edge_feature(const std::string& name) const {
  const auto found = parts_->edge_features.find(name);
  if (found != parts_->edge_features.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, values] : parts_->edge_features) names.push_back(known);
  throw Error(fmt::format("the edges have no feature {}", shown(name)), "graph",
              names.empty() ? "this graph has no edge features" : fmt::format("it has: {}", fmt::join(names, ", ")));
}

Graph Graph::with_edge_feature(const std::string& name, Array values) const {
  check_edge_feature(name, values, edges(), "graph");
  Graph made = *this;
  GraphParts parts = *parts_;
  parts.edge_features[name] = std::move(values);
  made.parts_ = std::make_shared<const GraphParts>(std::move(parts));
  made.name_version();
  return made;
}

bool Graph::symmetric() const {
  // The columns of a transpose ascend, and so do those of the transpose of a transpose: rows to compare, duplicates counted.
  const Csr& out = outgoing().csr;
  const Csr in = transpose(out).csr;
  return bytes_of(in.offsets) == bytes_of(out.offsets) && bytes_of(in.indices) == bytes_of(out.indices);
}

Graph edges_where(const Graph& graph, const std::vector<bool>& keep) {
  if (static_cast<std::int64_t>(keep.size()) != graph.edges()) {
    throw Error(fmt::format("{} choices for {} edges", keep.size(), graph.edges()), "graph", "say of each edge whether it is kept");
  }
  const Csr& from = graph.incoming();
  std::vector<std::int64_t> edges, offsets{0};
  std::vector<VertexId> sources;
  for (std::int64_t row = 0; row < from.rows; ++row) {
    for (std::int64_t edge = from.begin(row); edge < from.end(row); ++edge) {
      if (!keep[static_cast<std::size_t>(edge)]) continue;
      edges.push_back(edge);
      sources.push_back(from.indices.values<VertexId>()[static_cast<std::size_t>(edge)]);
    }
    offsets.push_back(static_cast<std::int64_t>(edges.size()));
  }
  return with_edges(graph, {.rows = from.rows, .columns = from.columns, .offsets = Array::of(offsets), .indices = Array::of(sources)},
                    edges, graph.vertex_types());
}

Graph edges_of_type(const Graph& graph, const std::string& type) {
  const auto& names = graph.edge_type_names();
  const auto found = std::ranges::find(names, type);
  if (found == names.end()) {
    throw Error(fmt::format("the graph has no edges of type {}", shown(type)), "graph",
                names.empty() ? "its edges are of one type" : fmt::format("it has: {}", fmt::join(names, ", ")));
  }
  std::vector<bool> keep;
  for (const std::int32_t of : graph.edge_types().values<std::int32_t>()) keep.push_back(of == found - names.begin());
  return edges_where(graph, keep);
}

Graph induced(const Graph& graph, std::span<const VertexId> vertices) {
  std::vector<VertexId> renumbered(static_cast<std::size_t>(graph.vertices()), -1);
  for (std::size_t i = 0; i < vertices.size(); ++i) {
    if (vertices[i] < 0 || vertices[i] >= graph.vertices())
      throw Error(fmt::format("there is no vertex {} among {}", vertices[i], graph.vertices()), "graph");
    VertexId& number = renumbered[static_cast<std::size_t>(vertices[i])];
    if (number >= 0) throw Error(fmt::format("vertex {} is chosen twice", vertices[i]), "graph", "choose each once");
    number = static_cast<VertexId>(i);
  }
  const Csr& from = graph.incoming();
  const auto indices = from.indices.values<VertexId>();
  std::vector<std::int64_t> edges, offsets{0}, chosen_vertices;
  std::vector<VertexId> sources;
  for (const VertexId vertex : vertices) {
    chosen_vertices.push_back(vertex);
    for (std::int64_t edge = from.begin(vertex); edge < from.end(vertex); ++edge) {
      const VertexId source = renumbered[static_cast<std::size_t>(indices[static_cast<std::size_t>(edge)])];
      if (source < 0) continue;
      edges.push_back(edge);
      sources.push_back(source);
    }
    offsets.push_back(static_cast<std::int64_t>(edges.size()));
  }
  const auto count = static_cast<std::int64_t>(vertices.size());
  return with_edges(graph, {.rows = count, .columns = count, .offsets = Array::of(offsets), .indices = Array::of(sources)}, edges,
                    chosen(graph.vertex_types(), chosen_vertices));
}

}  // namespace neap::gnn
