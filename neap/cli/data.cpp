// neap data
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/cli/command.h"
#include "neap/data/array_files.h"
#include "neap/data/idx_images.h"
#include "neap/data/image_folder.h"

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

int describe(const std::filesystem::path& path, bool as_json) {
  Json parts;
  if (std::filesystem::is_directory(path)) {
    const ImageSets sets = open_image_sets(path);
    parts["training"] = described(*sets.train);
    parts["test"] = described(*sets.test);
  } else {
    parts["examples"] = described(*open_array_file(path));
  }
  if (as_json) {
    fmt::print("{}\n", parts.dump(2));
  } else {
    for (const auto& [part, json] : parts.items()) print(part, json);
  }
  return exit_ok;
}

// What this machine has.
int list(bool as_json) {
  std::string place, problem;
  try {
    place = find_fashion_mnist().string();
  } catch (const Error& error) {
    problem = error.place();
  }
  if (as_json) {
    fmt::print("{}\n", Json{{"fashion-mnist", place.empty() ? Json() : Json(place)}}.dump(2));
  } else {
    fmt::print("fashion-mnist: {}\n", place.empty() ? "not here (" + problem + ")" : place);
  }
  return exit_ok;
}

std::function<int()> declare(CLI::App& app) {
  struct Given {
    std::string action;
    std::filesystem::path path;
    bool json = false;
  };
  const auto given = std::make_shared<Given>();
  app.add_option("action", given->action, "list (the data sets on this machine), or describe")
      ->required()
      ->check(CLI::IsMember({"list", "describe"}));
  app.add_option("path", given->path, "to describe: a folder of IDX files or of train/ and test/ pictures, or an npy, npz or CSV file");
  app.add_flag("--json", given->json, "print JSON");
  return [given] {
    if (given->action == "list") return list(given->json);
    return describe(given->path.empty() ? find_fashion_mnist() : given->path, given->json);
  };
}

const RegisterCommand command{{.name = "data", .about = "list data sets, or say what one holds", .declare = declare}};

}  // namespace
}  // namespace neap
