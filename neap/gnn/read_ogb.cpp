#include "neap/gnn/read_ogb.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "neap/files/csv.h"
#include "neap/files/gzip.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

namespace fs = std::filesystem;
using Texts = std::map<std::string, std::string>;

// Every number that the file holds: one vertex, label or count a line.
std::vector<double> column(const std::string& text, const std::string& file) {
  std::vector<double> values;
  Lines lines(text, file);
  while (const auto line = lines.next()) {
    Words words(*line);
    values.push_back(number(words.next(), "the value", lines));
    no_more(words, lines);
  }
  return values;
}

std::int64_t vertex_count(const Texts& texts, const std::string& file) {
  const std::vector<double> counts = column(texts.at("num-node-list"), file);
  if (counts.size() != 1) {
    throw Error(fmt::format("{} graphs", counts.size()), file, "node tasks have one graph: data sets of many graphs are not read");
  }
  if (!(counts[0] >= 0 && counts[0] <= static_cast<double>(most_vertices) && counts[0] == std::floor(counts[0]))) {
    throw Error(fmt::format("{} vertices", counts[0]), file, "mend the number");
  }
  return static_cast<std::int64_t>(counts[0]);
}

// [rows, ...] of f32; `rows` lines are needed.
Array table(const std::string& text, const std::string& file, std::int64_t rows, const char* of) {
  const Table read = parse_csv(text, file);
  if (read.values.size(0) != rows) {
    throw Error(fmt::format("features of {} {}, where there are {}", read.values.size(0), of, rows), file,
                "the file is cut short, or of another graph");
  }
  return read.values.cast(DType::f32);
}

void read_labels(GraphData& data, const std::string& text, const std::string& file) {
  std::vector<std::int64_t> labels;
  constexpr std::int64_t most_classes = 1 << 20;
  std::int64_t classes = 0;
  Lines lines(text, file);
  while (const auto line = lines.next()) {
    Words words(*line);
    const double value = number(words.next(), "the label", lines);
    if (words.next()) throw Error("several labels of one vertex", lines.place(), "tasks with one class a vertex are read");
    if (!std::isnan(value) && !(value >= 0 && value < most_classes && value == std::floor(value))) {
      throw Error(fmt::format("the label {}", value), lines.place(), "labels are whole numbers from 0, or nan where there is none");
    }
    labels.push_back(std::isnan(value) ? -1 : static_cast<std::int64_t>(value));
    classes = std::max(classes, labels.back() + 1);
  }
  if (static_cast<std::int64_t>(labels.size()) != data.vertices()) {
    throw Error(fmt::format("labels of {} vertices, where there are {}", labels.size(), data.vertices()), file,
                "the file is cut short, or of another graph");
  }
  data.labels = Array::of(labels);
  for (std::int64_t label = 0; label < classes; ++label) data.class_names.push_back(std::to_string(label));
}

Array read_part(const std::string& text, const std::string& file, const GraphData& data) {
  std::vector<VertexId> part;
  Lines lines(text, file);
  while (const auto line = lines.next()) {
    Words words(*line);
    part.push_back(vertex_id(words.next(), 0, data.vertices(), "the vertex", lines));
    no_more(words, lines);
    if (data.labels.count() == 0 || data.labels.get_int(part.back()) < 0) {
      throw Error(fmt::format("vertex {} has no label", part.back()), lines.place(), "leave it out of the split, or give it a label");
    }
  }
  std::ranges::sort(part);
  return Array::of(part);
}

// The text of NAME.csv.gz or NAME.csv, if one of them is there.
std::optional<std::string> text_of(const fs::path& folder, const std::string& name) {
  for (const char* extension : {".csv.gz", ".csv"}) {
    const fs::path path = folder / (name + extension);
    if (fs::exists(path)) return read_expanded(path);
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

GraphData parse_ogb(const Texts& texts, const std::string& place, const BuildOptions& options, const ReadOptions& read) {
  const auto file = [&](const std::string& name) { return place + "/" + name + ".csv"; };
  for (const char* name : {"edge", "num-node-list"}) {
    if (!texts.contains(name))
      throw Error(fmt::format("there is no {}.csv.gz", name), place, "give the folder of an OGB data set, which has raw/ and split/");
  }
  ReadOptions reading = read;
  reading.vertices = vertex_count(texts, file("num-node-list"));
  std::int64_t bytes = 0;
  for (const auto& [name, text] : texts) bytes += static_cast<std::int64_t>(text.size());
  check_vertices(reading.vertices, bytes, read.memory_limit, file("num-node-list"));
  GraphFile edges = parse_edge_list(texts.at("edge"), file("edge"), reading);
  if (const auto found = texts.find("edge-feat"); found != texts.end()) {
    edges.edges.edge_features["feature"] = table(found->second, file("edge-feat"), edges.edges.edges(), "edges");
  }
  GraphData data;
  data.graph = graph_of(std::move(edges), options, place);
  data.place = place;
  if (const auto found = texts.find("node-feat"); found != texts.end()) {
    data.dense = table(found->second, file("node-feat"), data.vertices(), "vertices");
    data.groups = {{"features", 0, data.dense.size(1)}};
  }
  if (const auto found = texts.find("node-label"); found != texts.end()) read_labels(data, found->second, file("node-label"));
  const std::array<std::pair<const char*, Array*>, 3> parts = {
      {{"train", &data.training}, {"valid", &data.validation}, {"test", &data.test}}};
  for (const auto& [name, part] : parts) {
    if (const auto found = texts.find(name); found != texts.end()) *part = read_part(found->second, file(name), data);
  }
  check(data);
  return data;
}

GraphData read_ogb(const fs::path& folder, const BuildOptions& build, const std::string& split, const ReadOptions& options) {
  Texts texts;
  const fs::path raw = fs::is_directory(folder / "raw") ? folder / "raw" : folder;
  for (const char* name : {"edge", "num-node-list", "node-feat", "node-label", "edge-feat"}) {
    if (auto text = text_of(raw, name)) texts[name] = std::move(*text);
  }
  if (const fs::path parts = split_folder(folder, split); !parts.empty()) {
    for (const char* name : {"train", "valid", "test"}) {
      if (auto text = text_of(parts, name)) texts[name] = std::move(*text);
    }
  }
  GraphData data = parse_ogb(texts, folder.string(), build, options);
  data.about["source"] = folder.filename().string();
  return data;
}

}  // namespace neap::gnn
