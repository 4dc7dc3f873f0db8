#include "neap/gnn/read_ogb.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "neap/files/gzip.h"
#include "neap/gnn/text.h"
#include "neap/gnn/vertex_tables.h"

namespace neap::gnn {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, OgbFile>;

// Every number that the file holds: one vertex, label or count a line.
std::vector<double> column(const OgbFile& file) {
  std::vector<double> values;
  Lines lines(file.text, file.place);
  while (const auto line = lines.next()) {
    Words words(*line);
    values.push_back(number(words.next(), "the value", lines));
    no_more(words, lines);
  }
  return values;
}

std::int64_t vertex_count(const OgbFile& file) {
  const std::vector<double> counts = column(file);
  if (counts.size() != 1) {
    throw Error(fmt::format("{} graphs", counts.size()), file.place, "node tasks have one graph: data sets of many graphs are not read");
  }
  if (!(counts[0] >= 0 && counts[0] <= static_cast<double>(most_vertices) && counts[0] == std::floor(counts[0]))) {
    throw Error(fmt::format("{} vertices", counts[0]), file.place, "mend the number");
  }
  return static_cast<std::int64_t>(counts[0]);
}

// The vertices of a part of the split. `part_of`: the part in which each vertex is found.
Array read_part(const OgbFile& file, const char* name, const GraphData& data, std::vector<const char*>& part_of) {
  std::vector<VertexId> part;
  Lines lines(file.text, file.place);
  while (const auto line = lines.next()) {
    Words words(*line);
    part.push_back(vertex_id(words.next(), 0, data.vertices(), "the vertex", lines));
    no_more(words, lines);
    if (data.labels.count() == 0 || data.labels.get_int(part.back()) < 0) {
      throw Error(fmt::format("vertex {} has no label", part.back()), lines.place(), "leave it out of the split, or give it a label");
    }
    const char*& found = part_of[static_cast<std::size_t>(part.back())];
    if (found != nullptr)
      throw Error(fmt::format("vertex {} is in the {} part and in the {} part", part.back(), found, name), lines.place(), "mend the split");
    found = name;
  }
  std::ranges::sort(part);
  return Array::of(part);
}

// NAME.csv.gz or NAME.csv, if one of them is there.
std::optional<OgbFile> file_of(const fs::path& folder, const std::string& name) {
  for (const char* extension : {".csv.gz", ".csv"}) {
    const fs::path path = folder / (name + extension);
    if (fs::exists(path)) return OgbFile{read_expanded(path), path.string()};
  }
  return std::nullopt;
}

fs::path split_folder(const fs::path& folder, const std::string& name) {
  std::vector<fs::path> known;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder / "split", error)) {
    if (entry.is_directory()) known.push_back(entry.path());
  }
  std::ranges::sort(known);
  std::vector<std::string> names;
  for (const fs::path& path : known) {
    names.push_back(path.filename().string());
    if (names.back() == name) return path;
  }
  if (name.empty() && known.size() <= 1) return known.empty() ? fs::path() : known[0];
  throw Error(name.empty() ? "there are several splits" : fmt::format("there is no split {}", shown(name)), (folder / "split").string(),
              fmt::format("name one of: {}", fmt::join(names, ", ")));
}

}  // namespace

GraphData parse_ogb(const Files& files, const std::string& place, const BuildOptions& options, const ReadOptions& read) {
  for (const char* name : {"edge", "num-node-list"}) {
    if (!files.contains(name))
      throw Error(fmt::format("there is no {}.csv.gz", name), place,
                  "give a folder that `neap data` made, or an OGB data set, which has raw/ and split/");
  }
  const OgbFile &edge = files.at("edge"), &count = files.at("num-node-list");
  ReadOptions reading = read;
  reading.vertices = vertex_count(count);
  std::int64_t bytes = 0;
  for (const auto& [name, file] : files) bytes += static_cast<std::int64_t>(file.text.size());
  check_vertices(reading.vertices, bytes, read.memory_limit, count.place);
  GraphFile edges = parse_edge_list(edge.text, edge.place, reading);
  if (const auto found = files.find("edge-feat"); found != files.end()) {
    const auto& [text, at] = found->second;
    edges.edges.edge_features["feature"] = parse_features(text, at, edges.edges.edges(), "edge", read.memory_limit).values;
  }
  GraphData data;
  data.graph = graph_of(std::move(edges), options, edge.place);
  data.place = place;
  if (const auto found = files.find("node-feat"); found != files.end()) {
    const auto& [text, at] = found->second;
    set_features(data, parse_features(text, at, data.vertices(), "vertex", read.memory_limit));
  }
  if (const auto found = files.find("node-label"); found != files.end()) read_labels(data, found->second.text, found->second.place);
  struct Part {
    const char *file, *name;
    Array* vertices;
  };
  const std::array<Part, 3> parts = {
      {{"train", "training", &data.training}, {"valid", "validation", &data.validation}, {"test", "test", &data.test}}};
  std::vector<const char*> part_of(static_cast<std::size_t>(data.vertices()), nullptr);
  for (const auto& [file, name, vertices] : parts) {
    if (const auto found = files.find(file); found != files.end()) *vertices = read_part(found->second, name, data, part_of);
  }
  check(data);
  return data;
}

GraphData read_ogb(const fs::path& folder, const BuildOptions& build, const std::string& split, const ReadOptions& options) {
  Files files;
  const auto read = [&](const fs::path& from, const char* name) {
    if (auto file = file_of(from, name)) files[name] = std::move(*file);
  };
  const fs::path raw = fs::is_directory(folder / "raw") ? folder / "raw" : folder;
  for (const char* name : {"edge", "num-node-list", "node-feat", "node-label", "edge-feat"}) read(raw, name);
  if (const fs::path parts = split_folder(folder, split); !parts.empty()) {
    for (const char* name : {"train", "valid", "test"}) read(parts, name);
  }
  GraphData data = parse_ogb(files, folder.string(), build, options);
  name_source(data, folder.string());
  return data;
}

}  // namespace neap::gnn
