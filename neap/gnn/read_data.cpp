#include "neap/gnn/read_data.h"

#include <fmt/format.h>

#include "neap/base/error.h"
#include "neap/files/gzip.h"
#include "neap/gnn/read.h"
#include "neap/gnn/read_ogb.h"
#include "neap/gnn/vertex_tables.h"

namespace neap::gnn {
namespace {

namespace fs = std::filesystem;

void take_labels(GraphData& data, const Array& labels) {
  if (!is_integer(labels.dtype()) || labels.rank() != 1) {
    throw Error(fmt::format("labels are {} {}", name(labels.dtype()), to_string(labels.sizes())), data.place,
                "give an integer for each vertex, -1 where there is none");
  }
  std::vector<std::int64_t> numbers;
  for (std::int64_t i = 0; i < labels.count(); ++i) numbers.push_back(labels.get_int(i));
  set_labels(data, numbers, data.place);
}

void take_features(GraphData& data, const NamedArrays& of_vertices) {
  if (of_vertices.contains("attr_indptr")) {
    data.sparse = sparse_rows(of_vertices, "attr_", data.place);
    data.groups = {{"features", 0, data.sparse.columns()}};
  } else if (const auto found = of_vertices.find("features"); found != of_vertices.end()) {
    const Array& values = found->second;
    if (values.rank() != 2) {
      throw Error(fmt::format("features are {} {}", name(values.dtype()), to_string(values.sizes())), data.place,
                  "give a row for each vertex");
    }
    set_features(data, {is_float(values.dtype()) ? values : values.cast(DType::f32), {}});
  }
}

GraphData from_file(const fs::path& path, const VertexFiles& files) {
  GraphFile file = read_graph_file(path);
  const NamedArrays of_vertices = std::move(file.vertex_features);
  GraphData data;
  data.place = path.string();
  data.graph = graph_of(std::move(file), {}, data.place);
  if (files.features.empty()) {
    take_features(data, of_vertices);
  } else {
    set_features(data, parse_features(read_expanded(files.features), files.features.string(), data.vertices(), "vertex"));
  }
  if (!files.labels.empty()) {
    read_labels(data, read_expanded(files.labels), files.labels.string());
  } else if (const auto found = of_vertices.find("labels"); found != of_vertices.end()) {
    take_labels(data, found->second);
  }
  check(data);
  name_source(data, data.place);
  return data;
}

}  // namespace

GraphData open_graph_data(const fs::path& path, const VertexFiles& files) {
  const bool is_folder = fs::is_directory(path);
  if (is_folder && !(files.features.empty() && files.labels.empty())) {
    throw Error("a folder has its own features and labels", path.string(), "leave --features and --labels out, or give a file of edges");
  }
  if (fs::exists(path / "graph.json") || fs::exists(path / "graph.npz")) return load_graph_data(path);
  return is_folder ? read_ogb(path) : from_file(path, files);
}

}  // namespace neap::gnn
