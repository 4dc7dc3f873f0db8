#include <algorithm>
#include <array>

#include "neap/base/memory.h"
#include "neap/gnn/read.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

struct Columns {
  std::size_t source = 0, target = 1;
  std::vector<std::string> names;  // of all columns
};

bool is_comment(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first == line.npos || line[first] == '#' || line[first] == '%';
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> all;
  for (Words words(line); const auto word = words.next();) all.push_back(*word);
  return all;
}

std::size_t column_of(const std::vector<std::string>& names, std::initializer_list<std::string_view> known, std::size_t otherwise) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::ranges::find(known, names[i]) != known.end()) return i;
  }
  return otherwise;
}

Columns columns_of(const std::vector<std::string_view>& first, bool header, const Lines& lines) {
  if (first.size() < 2)
    throw Error("a line of an edge list needs a source and a target", lines.place(), "give two ids, and a weight if there is one");
  Columns columns;
  for (std::size_t i = 0; i < first.size(); ++i) {
    columns.names.push_back(header ? std::string(first[i]) : i <= 2 ? "weight" : fmt::format("weight{}", i - 1));
  }
  if (!header) return columns;
  columns.source = column_of(columns.names, {"source", "src", "from"}, 0);
  columns.target = column_of(columns.names, {"target", "dst", "to"}, columns.source == 1 ? 0 : 1);
  for (std::size_t i = 0; i < columns.names.size(); ++i) {
    const auto again = std::find(columns.names.begin() + static_cast<std::ptrdiff_t>(i) + 1, columns.names.end(), columns.names[i]);
    if (again != columns.names.end())
      throw Error(fmt::format("two columns are called {}", shown(columns.names[i])), lines.place(), "give each a name of its own");
  }
  if (columns.source == columns.target)
    throw Error("source and target are one column", lines.place(), "name the columns source and target");
  return columns;
}

class EdgeListReader {
 public:
  EdgeListReader(std::string_view text, const std::string& place, const ReadOptions& options)
      : lines_(text, place), options_(options), most_(std::ranges::count(text, '\n') + 1) {
    if (options.vertices >= 0) check_vertices(options.vertices, std::numeric_limits<std::int64_t>::max(), options.memory_limit, place);
  }

  GraphFile read() {
    while (const auto line = lines_.next()) {
      if (is_comment(*line)) continue;
      const auto words = words_of(*line);
      if (columns_.names.empty()) {
        const bool header = std::ranges::any_of(words, [](std::string_view word) { return !parse_number<double>(word); });
        columns_ = columns_of(words, header, lines_);
        reserve();
        if (header) continue;
      }
      read_edge(words);
    }
    return finish();
  }

 private:
  // Each field of an edge is there as it is read, and in what is given: 4 bytes, and 4.
  void reserve() {
    const auto fields = static_cast<std::int64_t>(columns_.names.size());
    const std::int64_t most = std::min(most_, lines_.bytes_left() / (2 * fields) + 2);  // a field and what ends it: 2 bytes or more
    check_memory(8.0 * static_cast<double>(fields) * static_cast<double>(most), fmt::format("an edge list of {} lines", most),
                 lines_.file(), options_.memory_limit);
    features_.resize(columns_.names.size());
    for (auto* ids : {&sources_, &targets_}) ids->reserve(static_cast<std::size_t>(most));
    for (std::size_t i = 0; i < features_.size(); ++i) {
      if (i != columns_.source && i != columns_.target) features_[i].reserve(static_cast<std::size_t>(most));
    }
  }

  void read_edge(const std::vector<std::string_view>& words) {
    if (words.size() != columns_.names.size()) {
      throw Error(fmt::format("the line has {} fields, the first line has {}", words.size(), columns_.names.size()), lines_.place(),
                  "give every edge the same fields");
    }
    const std::int64_t limit = options_.vertices >= 0 ? options_.vertices : most_vertices;
    sources_.push_back(vertex_id(words[columns_.source], 0, limit, "the source", lines_));
    targets_.push_back(vertex_id(words[columns_.target], 0, limit, "the target", lines_));
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i == columns_.source || i == columns_.target) continue;
      features_[i].push_back(static_cast<float>(number(words[i], "a feature of the edge", lines_)));
    }
    if (const VertexId id = std::max(sources_.back(), targets_.back()); id > largest_) {
      largest_ = id;
      largest_line_ = lines_.number();
    }
  }

  GraphFile finish() {
    std::int64_t vertices = options_.vertices;
    if (vertices < 0) {
      vertices = largest_ + 1;
      check_vertices(vertices, static_cast<std::int64_t>(sources_.size()) * 4, options_.memory_limit,
                     fmt::format("{}:{}", lines_.file(), largest_line_));
    }
    GraphFile file{.edges = {.vertices = vertices, .sources = Array::of(sources_), .targets = Array::of(targets_)}};
    for (std::size_t i = 0; i < features_.size(); ++i) {
      if (i == columns_.source || i == columns_.target) continue;
      file.edges.edge_features[columns_.names[i]] = Array::of(features_[i]);
    }
    return file;
  }

  Lines lines_;
  ReadOptions options_;
  std::int64_t most_;  // lines, and so edges
  Columns columns_;
  std::vector<VertexId> sources_, targets_;
  std::vector<std::vector<float>> features_;
  std::int64_t largest_ = -1, largest_line_ = 0;  // id, and where it was first
};

const RegisterFormat edge_list_format{
    {.name = "edge list", .extensions = {".csv", ".txt", ".tsv", ".edges", ".el"}, .parse = parse_edge_list}};

}  // namespace

GraphFile parse_edge_list(std::string_view text, const std::string& place, const ReadOptions& options) {
  return EdgeListReader(text, place, options).read();
}

}  // namespace neap::gnn
