#include "neap/gnn/debian.h"

#include <unordered_set>

#include "neap/gnn/debian_parts.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

// The stanzas that are packages, each name once.
std::vector<Stanza> packages_of(std::string_view text, const std::string& place, std::int64_t& repeated) {
  std::vector<Stanza> packages;
  std::unordered_set<std::string_view> known;
  for (Stanza& stanza : parse_control(text, place)) {
    const std::string_view name = stanza.value("Package");
    if (name.empty())
      throw Error("a stanza without the name of a package", fmt::format("{}:{}", place, stanza.line), "give a Packages file of Debian");
    if (known.insert(name).second) {
      packages.push_back(std::move(stanza));
    } else {
      ++repeated;
    }
  }
  if (packages.empty()) throw Error("there is no package", place, "give a Packages file of Debian");
  return packages;
}

// "contrib/games" and "games" are one section.
std::string section_of(const Stanza& package) {
  const std::string_view section = package.value("Section");
  return std::string(section.substr(section.find('/') == section.npos ? 0 : section.rfind('/') + 1));
}

}  // namespace

GraphData debian_packages(std::string_view text, const std::string& place, const DebianOptions& options) {
  std::int64_t repeated = 0;
  const std::vector<Stanza> packages = packages_of(text, place, repeated);
  DebianEdges edges = debian_edges(packages, place);
  GraphData data;
  data.graph = edges.graph;
  data.place = place;
  std::map<std::string, std::int64_t> sections;
  for (const Stanza& package : packages) {
    data.vertex_names.emplace_back(package.value("Package"));
    if (const std::string section = section_of(package); !section.empty()) sections[section] = 0;
  }
  for (auto& [section, number] : sections) {
    number = static_cast<std::int64_t>(data.class_names.size());
    data.class_names.push_back(section);
  }
  std::vector<std::int64_t> labels;
  for (const Stanza& package : packages) {
    const std::string section = section_of(package);
    labels.push_back(section.empty() ? -1 : sections.at(section));
  }
  data.labels = Array::of(labels);
  split_vertices(data, options.training, options.validation, options.seed);
  add_debian_features(data, packages, options);
  data.about["task"] = "the section of a package";
  data.about["text_hash"] = hash_bytes(text).hex();
  data.about["names_that_nobody_has"] = std::to_string(edges.unknown);
  data.about["repeated_packages"] = std::to_string(repeated);
  check(data);
  return data;
}

}  // namespace neap::gnn
