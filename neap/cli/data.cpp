// neap data
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/cli/command.h"
#include "neap/cli/data_source.h"
#include "neap/data/array_files.h"
#include "neap/data/idx_images.h"
#include "neap/data/image_folder.h"
#include "neap/files/json.h"
#include "neap/gnn/graph_data.h"

namespace neap {
namespace {

using Json = nlohmann::json;

Json described(const Dataset& dataset) {
  Json fields = Json::array();
  for (const Field& field : dataset.fields()) {
    fields.push_back({{"name", field.name}, {"type", std::string(name(field.dtype)) + to_string(field.sizes)}});
  }
  return {{"examples", dataset.count()}, {"fields", fields}, {"classes", dataset.class_names()}};
}

void print(const std::string& part, const Json& json) {
  fmt::print("{}: {} examples\n", part, json["examples"].get<std::int64_t>());
  for (const Json& field : json["fields"]) fmt::print("  {} {}\n", field["name"].get<std::string>(), field["type"].get<std::string>());
  std::string classes;
  for (const Json& name : json["classes"]) classes += (classes.empty() ? "" : ", ") + name.get<std::string>();
  if (!classes.empty()) fmt::print("  classes: {}\n", classes);
}

Json described(const gnn::GraphData& data) {
  Json groups = Json::object();
  for (const gnn::FeatureGroup& group : data.groups) groups[group.name] = group.end - group.begin;
  return {{"vertices", data.vertices()},
          {"edges", data.graph.edges()},
          {"edge_types", data.graph.edge_type_names()},
          {"features", groups},
          {"classes", data.class_names},
          {"training", data.training.count()},
          {"validation", data.validation.count()},
          {"test", data.test.count()},
          {"version", data.version().hex()},
          {"about", data.about}};
}

int describe_graph(const std::filesystem::path& folder, bool as_json) {
  const Json json = described(gnn::load_graph_data(folder));
  if (as_json) {
    fmt::print("{}\n", json_page(json));
  } else {
    for (const auto& [key, value] : json.items()) fmt::print("{}: {}\n", key, json_text(value, folder.string()));
  }
  return exit_ok;
}

int describe(const std::filesystem::path& path, bool as_json) {
  if (std::filesystem::exists(path / "graph.json")) return describe_graph(path, as_json);
  Json parts;
  if (std::filesystem::is_directory(path)) {
    const ImageSets sets = open_image_sets(path);
    parts["training"] = described(*sets.train);
    parts["test"] = described(*sets.test);
  } else {
    parts["examples"] = described(*open_array_file(path));
  }
  if (as_json) {
    fmt::print("{}\n", json_page(parts));
  } else {
    for (const auto& [part, json] : parts.items()) print(part, json);
  }
  return exit_ok;
}

// What this machine has.
int list(bool as_json) {
  Json json = Json::object();
  for (const DataSource& source : data_sources()) {
    std::string place, problem;
    try {
      place = source.where();
    } catch (const Error& error) {
      problem = error.place();
    }
    json[source.name] = place.empty() ? Json() : Json(place);
    if (!as_json) fmt::print("{}: {}\n", source.name, place.empty() ? "not here (" + problem + ")" : place);
  }
  if (as_json) fmt::print("{}\n", json_page(json));
  return exit_ok;
}

void check_options(const DataSource& source, const std::vector<std::pair<std::string, Option>>& options) {
  for (const auto& [name, option] : options) {
    if (!option.given() || std::ranges::find(source.takes, name) != source.takes.end()) continue;
    throw Error(fmt::format("{} takes no {}", source.name, name), "neap data " + source.name,
                fmt::format("leave it out; it takes {}", fmt::join(source.takes, ", ")));
  }
}

std::function<int()> declare(const Options& options) {
  struct Given {
    std::string action;
    std::filesystem::path path;
    SourceArguments make;
  };
  const auto given = std::make_shared<Given>();
  std::vector<std::string> actions = {"list", "describe"};
  std::string makers;
  for (const DataSource& source : data_sources()) {
    if (!source.make) continue;
    actions.push_back(source.name);
    makers += fmt::format("; {}: {}", source.name, source.about);
  }
  options.add("action", &given->action, "list (the data sets on this machine), or describe" + makers).required().one_of(actions);
  options.add("path", &given->path,
              "to describe: a folder of IDX files, of train/ and test/ pictures, or of a graph, or an npy, npz or CSV file");
  options.add("--out", &given->make.out, "folder for data that are made");
  std::vector<std::pair<std::string, Option>> some;  // that not every source takes
  const auto add = [&](const char* name, Filled filled, const char* about) {
    some.emplace_back(name, options.add(name, filled, about));
    return some.back().second;
  };
  add("--from", &given->make.from, "file to make them from, in place of what is on this machine");
  add("--features", &given->make.features, "CSV file with a line for each vertex");
  add("--labels", &given->make.labels, "file with a vertex's class in each line, from 0; nan: none");
  add("--seed", &given->make.seed, "of what is drawn: the split, a random graph").shows_default();
  add("--scale", &given->make.scale, "part of a generated graph's vertices and edges").shows_default().between(1e-6, 1.0);
  options.add("--show", &given->make.show, "print what was made");
  options.add("--json", &given->make.json, "print JSON");
  return [given, some] {
    if (given->action == "list") return list(given->make.json);
    if (given->action == "describe") return describe(given->path.empty() ? find_fashion_mnist() : given->path, given->make.json);
    for (const DataSource& source : data_sources()) {
      if (source.name != given->action) continue;
      check_options(source, some);
      return source.make(given->make);
    }
    throw Error("there is no data set " + given->action, "neap data", "`neap data list` names them");
  };
}

const RegisterDataSource fashion_mnist{
    {.name = "fashion-mnist", .about = "pictures of clothes", .where = [] { return find_fashion_mnist().string(); }}};

const RegisterCommand command{
    {.name = "data",
     .about = "list data sets, say what one holds, or make one",
     .declare = declare,
     .examples = {"neap data list", "neap data describe pictures/", "neap data debian-packages --out out/packages",
                  "neap data graph --from edges.csv --features x.csv --labels y.csv --out out/graph"}}};

}  // namespace
}  // namespace neap
