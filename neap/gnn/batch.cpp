#include "neap/gnn/batch.h"

#include <algorithm>
#include <numeric>

#include "neap/base/error.h"

namespace neap::gnn {
namespace {

void check_alike(const Graph& graph, const Graph& first, std::size_t number) {
  const auto differ = [&](const std::string& what) {
    return Error(fmt::format("graph {} has other {} than graph 0", number, what), "block_diagonal",
                 "give all graphs the same types and edge features");
  };
  if (graph.edge_type_names() != first.edge_type_names()) throw differ("edge types");
  if (graph.vertex_type_names() != first.vertex_type_names()) throw differ("vertex types");
  if (graph.edge_features().size() != first.edge_features().size()) throw differ("edge features");
  for (const auto& [name, values] : first.edge_features()) {
    if (!graph.has_edge_feature(name)) throw differ("edge features");
    const Array& others = graph.edge_feature(name);
    if (others.dtype() != values.dtype() ||
        !std::ranges::equal(others.sizes().begin() + 1, others.sizes().end(), values.sizes().begin() + 1, values.sizes().end())) {
      throw differ("sizes or dtype of the edge feature " + shown(name));
    }
  }
}

// Rows of all arrays, one after the other.
Array joined(const std::vector<const Array*>& arrays) {
  if (arrays[0]->rank() == 0) return *arrays[0];
  Sizes sizes = arrays[0]->sizes();
  sizes[0] = 0;
  for (const Array* array : arrays) sizes[0] += array->size(0);
  Array all(arrays[0]->dtype(), sizes);
  std::byte* to = all.raw();
  for (const Array* array : arrays) to = std::copy_n(array->raw(), array->bytes(), to);
  return all;
}

}  // namespace

GraphBatch block_diagonal(std::span<const Graph> graphs) {
  GraphBatch batch;
  batch.offsets = Array::zeros(DType::i64, {static_cast<std::int64_t>(graphs.size()) + 1});
  if (graphs.empty()) return batch;
  const auto first_vertex = batch.offsets.values<std::int64_t>();
  GraphParts parts;
  std::vector<std::int64_t> offsets{0};
  std::vector<VertexId> sources;
  for (std::size_t i = 0; i < graphs.size(); ++i) {
    check_alike(graphs[i], graphs[0], i);
    const Csr& rows = graphs[i].incoming();
    first_vertex[i + 1] = first_vertex[i] + rows.rows;
    if (first_vertex[i + 1] > most_vertices)
      throw Error(fmt::format("{} vertices in all", first_vertex[i + 1]), "block_diagonal", "batch fewer graphs");
    const std::int64_t before = offsets.back();
    for (std::int64_t row = 0; row < rows.rows; ++row) offsets.push_back(before + rows.end(row));
    for (const VertexId source : rows.indices.values<VertexId>()) sources.push_back(static_cast<VertexId>(first_vertex[i] + source));
  }
  parts.incoming = {.rows = first_vertex[graphs.size()],
                    .columns = first_vertex[graphs.size()],
                    .offsets = Array::of(offsets),
                    .indices = Array::of(sources)};
  const auto all = [&](const auto& of) {
    std::vector<const Array*> arrays;
    for (const Graph& graph : graphs) arrays.push_back(&of(graph));
    return joined(arrays);
  };
  parts.edge_type_names = graphs[0].edge_type_names();
  parts.vertex_type_names = graphs[0].vertex_type_names();
  if (!parts.edge_type_names.empty()) parts.edge_types = all([](const Graph& graph) -> const Array& { return graph.edge_types(); });
  if (!parts.vertex_type_names.empty()) parts.vertex_types = all([](const Graph& graph) -> const Array& { return graph.vertex_types(); });
  for (const auto& feature : graphs[0].edge_features()) {
    const std::string& name = feature.first;
    parts.edge_features[name] = all([&](const Graph& graph) -> const Array& { return graph.edge_feature(name); });
  }
  batch.graph = Graph(std::move(parts), "block_diagonal");
  return batch;
}

std::vector<Graph> separated(const GraphBatch& batch) {
  std::vector<Graph> graphs;
  const auto offsets = batch.offsets.values<std::int64_t>();
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    std::vector<VertexId> vertices(static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    std::iota(vertices.begin(), vertices.end(), static_cast<VertexId>(offsets[i]));
    graphs.push_back(induced(batch.graph, vertices));
  }
  return graphs;
}

GraphData induced(const GraphData& data, std::span<const VertexId> vertices) {
  return with_vertices(data, induced(data.graph, vertices), vertices);
}

}  // namespace neap::gnn
