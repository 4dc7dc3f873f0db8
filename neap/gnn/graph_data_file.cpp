// Graphs with their data, kept as a folder of two files.
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/files/json.h"
#include "neap/files/npz.h"
#include "neap/gnn/graph_data.h"

namespace neap::gnn {
namespace {

using Json = nlohmann::json;

constexpr const char* arrays_file = "graph.npz";
constexpr const char* words_file = "graph.json";
constexpr const char* feature_prefix = "edge/";
constexpr int format_version = 1;

// Arrays that may be missing, by their names in the file.
std::vector<std::pair<std::string, Array*>> optional_arrays(GraphData& data) {
  return {{"features", &data.dense},
          {"labels", &data.labels},
          {"split_training", &data.training},
          {"split_validation", &data.validation},
          {"split_test", &data.test}};
}

Array taken(NamedArrays& arrays, const std::string& name, const std::string& place) {
  const auto found = arrays.find(name);
  if (found == arrays.end()) throw Error(fmt::format("there is no array {}", shown(name)), place, "write the data again");
  return std::move(found->second);
}

std::vector<std::string> words(const Json& json, const char* key, const std::string& place) {
  std::vector<std::string> all;
  if (!json.contains(key) || !json[key].is_array())
    throw Error(fmt::format("'{}' is missing, or no list", key), place, "write the data again");
  for (const Json& word : json[key]) {
    if (!word.is_string()) throw Error(fmt::format("'{}' holds what is no text", key), place, "write the data again");
    all.push_back(word.get<std::string>());
  }
  return all;
}

std::vector<FeatureGroup> groups_of(const Json& json, const std::string& place) {
  std::vector<FeatureGroup> groups;
  if (!json.contains("groups") || !json["groups"].is_array()) throw Error("'groups' is missing, or no list", place, "write the data again");
  for (const Json& group : json["groups"]) {
    if (!group.is_array() || group.size() != 3 || !group[0].is_string() || !group[1].is_number_integer() || !group[2].is_number_integer()) {
      throw Error("a group is not [name, first column, end]", place, "write the data again");
    }
    groups.push_back({group[0].get<std::string>(), group[1].get<std::int64_t>(), group[2].get<std::int64_t>()});
  }
  return groups;
}

}  // namespace

void save_graph_data(const std::filesystem::path& folder, const GraphData& given) {
  check(given);
  GraphData data = given;
  const Graph& graph = data.graph;
  NamedArrays arrays{{"offsets", graph.incoming().offsets}, {"sources", graph.incoming().indices}};
  if (!graph.edge_type_names().empty()) arrays["edge_types"] = graph.edge_types();
  if (!graph.vertex_type_names().empty()) arrays["vertex_types"] = graph.vertex_types();
  for (const auto& [name, values] : graph.edge_features()) arrays[feature_prefix + name] = values;
  for (const auto& [name, array] : optional_arrays(data)) {
    if (array->count() > 0) arrays[name] = *array;
  }
  if (data.is_sparse()) {
    arrays["features_indptr"] = data.sparse.csr.offsets;
    arrays["features_indices"] = data.sparse.csr.indices;
    arrays["features_data"] = data.sparse.values;
    arrays["features_shape"] = Array::of(std::vector<std::int64_t>{data.sparse.rows(), data.sparse.columns()});
  }
  Json groups = Json::array();
  for (const FeatureGroup& group : data.groups) groups.push_back(Json::array({group.name, group.begin, group.end}));
  const Json json{{"format", format_version},
                  {"version", data.version().hex()},
                  {"about", data.about},
                  {"vertices", data.vertices()},
                  {"edges", graph.edges()},
                  {"edge_types", graph.edge_type_names()},
                  {"vertex_types", graph.vertex_type_names()},
                  {"groups", groups},
                  {"classes", data.class_names},
                  {"feature_names", data.feature_names},
                  {"vertex_names", data.vertex_names}};
  make_folder(folder);
  const std::string text = json_text(json, (folder / words_file).string());
  write_npz(folder / arrays_file, arrays, data.dense.count() > 0 ? Packing::stored : Packing::deflated);  // floats hardly shrink
  write_file(folder / words_file, text + "\n");
}

GraphData load_graph_data(const std::filesystem::path& folder) {
  return parse_graph_data(read_file(folder / words_file), read_file(folder / arrays_file), folder);
}

GraphData parse_graph_data(std::string_view words_text, std::string_view arrays_bytes, const std::filesystem::path& folder) {
  const std::string place = (folder / words_file).string();
  const Json json = parse_json(words_text, place);
  if (!json.is_object() || json.value("format", Json()) != format_version) {
    throw Error("the file is of another format or version", place, "write the data again");
  }
  const std::string arrays_place = (folder / arrays_file).string();
  NamedArrays arrays = parse_npz(arrays_bytes, arrays_place);
  GraphParts parts;  // member by member: GCC 12 destroys twice what an aggregate holds when a later initialiser throws
  parts.incoming.offsets = taken(arrays, "offsets", arrays_place);
  parts.incoming.indices = taken(arrays, "sources", arrays_place);
  parts.edge_type_names = words(json, "edge_types", place);
  parts.vertex_type_names = words(json, "vertex_types", place);
  if (parts.incoming.offsets.count() == 0) throw Error("the array 'offsets' is empty", arrays_place, "write the data again");
  parts.incoming.rows = parts.incoming.columns = parts.incoming.offsets.count() - 1;
  if (!parts.edge_type_names.empty()) parts.edge_types = taken(arrays, "edge_types", arrays_place);
  if (!parts.vertex_type_names.empty()) parts.vertex_types = taken(arrays, "vertex_types", arrays_place);
  for (const auto& [name, values] : arrays) {
    if (name.starts_with(feature_prefix)) parts.edge_features[name.substr(std::string_view(feature_prefix).size())] = values;
  }
  GraphData data;
  data.graph = Graph(std::move(parts), arrays_place);
  data.groups = groups_of(json, place);
  data.class_names = words(json, "classes", place);
  data.feature_names = words(json, "feature_names", place);
  data.vertex_names = words(json, "vertex_names", place);
  data.place = folder.string();
  for (const auto& [name, array] : optional_arrays(data)) {
    if (arrays.contains(name)) *array = arrays.at(name);
  }
  if (arrays.contains("features_indptr")) data.sparse = sparse_rows(arrays, "features_", arrays_place);
  if (json.contains("about") && json["about"].is_object()) {
    for (const auto& [key, value] : json["about"].items()) data.about[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  for (const Array* part : {&data.training, &data.validation, &data.test}) {
    if (part->count() > 0 && part->dtype() != DType::i32)
      throw Error("a part of the split is not of i32", arrays_place, "write the data again");
  }
  check(data);
  if (json.value("version", Json()) != data.version().hex()) {
    throw Error("the arrays are not those that graph.json was written for", folder.string(), "write the data again");
  }
  return data;
}

}  // namespace neap::gnn
