// A graph with what is learnt on it: features and labels of vertices, and which of them training may see.
#pragma once
#include <filesystem>
#include <map>

#include "neap/gnn/graph.h"
#include "neap/gnn/sparse_rows.h"

namespace neap::gnn {

// Columns of the features that belong together, so that they can be left out together.
struct FeatureGroup {
  std::string name;
  std::int64_t begin = 0, end = 0;
};

struct GraphData {
  Graph graph;
  Array dense;        // [vertices, F], floating-point; without elements where the features are sparse, or there are none
  SparseRows sparse;  // [vertices, F]; no columns where the features are dense, or there are none
  std::vector<FeatureGroup> groups;
  std::vector<std::string> feature_names;  // none, or one for each column
  Array labels;                            // i64 [vertices], -1: none; without elements where there are no labels
  std::vector<std::string> class_names;
  Array training, validation, test;          // i32: vertices, ascending; without elements where nothing is split
  std::vector<std::string> vertex_names;     // none, or one each
  std::map<std::string, std::string> about;  // where the data come from: source, date, seed, ...
  std::string place = "graph";

  std::int64_t vertices() const { return graph.vertices(); }
  bool is_sparse() const { return sparse.columns() > 0; }
  std::int64_t feature_count() const { return is_sparse() ? sparse.columns() : dense.rank() == 2 ? dense.size(1) : 0; }
  // Of everything but `about` and `place`: names the data that a result was made on.
  Hash version() const;
};

// Error naming place and vertex: features of another number of vertices, or not finite; a label that is no class; a vertex of the split
// that does not exist, has no label, or is in two parts; groups beyond the features; names that are too few or too many.
void check(const GraphData& data);

// What the data hold of these vertices (each there once), in this order, for `graph`, which is made of them.
GraphData with_vertices(const GraphData& data, Graph graph, std::span<const VertexId> vertices);

// Says in `about` where the data come from, and on which day they were read (UTC): with the version, what a result names.
void name_source(GraphData& data, const std::string& source);

// The groups with these names, in this order. Error on a name that there is not.
GraphData with_groups(const GraphData& data, const std::vector<std::string>& names);

// Uniform in 0 .. 1, f32 [vertices, width]: what stands for features where only the structure is to be learnt from.
Array random_features(std::int64_t vertices, std::int64_t width, std::uint64_t seed);

// Shuffles the vertices that have a label by `seed` and cuts them: round(training * n), round(validation * n), and the rest for the test.
void split_vertices(GraphData& data, double training, double validation, std::uint64_t seed);

// The folder holds graph.npz and graph.json, which names the version. Saving replaces both; reading checks one against the other.
void save_graph_data(const std::filesystem::path& folder, const GraphData& data);
GraphData load_graph_data(const std::filesystem::path& folder);
// The same from the contents of the two files, which errors name in `folder`.
GraphData parse_graph_data(std::string_view words, std::string_view arrays, const std::filesystem::path& folder);

}  // namespace neap::gnn
