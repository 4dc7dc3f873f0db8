// A graph: vertices 0 .. vertices-1 and directed edges, with types and features of edges. Never changed after it is made.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "neap/base/hash.h"
#include "neap/files/bytes.h"
#include "neap/gnn/csr.h"

namespace neap::gnn {

struct GraphParts {
  Csr incoming;                                                 // square: row v holds where the edges into v come from
  Array edge_types, vertex_types;                               // i32 [edges], [vertices]; without elements: all of one type
  std::vector<std::string> edge_type_names, vertex_type_names;  // by type; none where there are no types
  NamedArrays edge_features;                                    // [edges, ...], in the order of `incoming`
};

// A handle: copies share. Several threads may use one.
class Graph {
 public:
  Graph() : Graph(GraphParts{}) {}
  // Error naming `place` and the element where the parts do not fit each other (csr.h), or a type has no name.
  explicit Graph(GraphParts parts, const std::string& place = "graph");

  std::int64_t vertices() const { return incoming().rows; }
  std::int64_t edges() const { return incoming().entries(); }
  // What an aggregation at the vertices reads: row v holds the sources of the edges into v. Edge e is entry e of it, everywhere.
  const Csr& incoming() const;
  // Row v holds the targets of the edges out of v, and which edges these are. Made when first asked for, once for all copies.
  const Transpose& outgoing() const;

  const Array& edge_types() const { return parts_->edge_types; }
  const Array& vertex_types() const { return parts_->vertex_types; }
  const std::vector<std::string>& edge_type_names() const { return parts_->edge_type_names; }
  const std::vector<std::string>& vertex_type_names() const { return parts_->vertex_type_names; }
  const NamedArrays& edge_features() const { return parts_->edge_features; }
  bool has_edge_feature(const std::string& name) const { return parts_->edge_features.contains(name); }
  const Array& edge_feature(const std::string& name) const;  // Error if there is none, naming those that there are

  // The same edges with another or one more feature; shares all else.
  Graph with_edge_feature(const std::string& name, Array values) const;
  // Whether the target of every edge has an edge back.
  bool symmetric() const;
  // Of all that the graph holds: what was computed on a graph of another version is of no use for this one.
  Hash version() const { return version_; }

 private:
  struct Structure;
  void name_version();
  std::shared_ptr<const Structure> structure_;
  std::shared_ptr<const GraphParts> parts_;  // without `incoming`, which the structure holds
  Hash version_;
};

// The dtype, the sizes and the elements.
void add_array(Hasher& hasher, const Array& array);

// Error unless there is a type for each of `count`, and a name for each type; nothing of both is right too.
void check_types(const Array& types, const std::vector<std::string>& names, std::int64_t count, const std::string& of,
                 const std::string& place);

// Error unless there is a row for each edge.
void check_edge_feature(const std::string& name, const Array& values, std::int64_t edges, const std::string& place);

// The edges for which keep[edge] is true, with their types and features.
Graph edges_where(const Graph& graph, const std::vector<bool>& keep);
// The edges of one type, by its name; Error naming the types if there is no such.
Graph edges_of_type(const Graph& graph, const std::string& type);
// The vertices in this order, renumbered, and the edges among them, each row's in the order that they had. Error on a vertex that does not
// exist or is there twice.
Graph induced(const Graph& graph, std::span<const VertexId> vertices);

}  // namespace neap::gnn
