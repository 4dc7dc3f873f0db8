#include "neap/gnn/vertex_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "neap/files/csv.h"
#include "neap/gnn/text.h"

namespace neap::gnn {
namespace {

constexpr std::int64_t most_classes = 1 << 20;
constexpr const char* cut_short = "the file is cut short, or of another graph";

void check_finite(const Table& table, const std::string& place, const std::string& of) {
  const auto values = table.values.values<float>();
  const auto finite = [](float value) { return std::isfinite(value); };
  const auto at = std::ranges::find_if_not(values, finite) - values.begin();
  if (at == table.values.count()) return;
  const std::int64_t row = at / table.values.size(1), column = at % table.values.size(1);
  throw Error(fmt::format("feature {} of {} {} is {}", column, of, row, table.values.get(at)),
              fmt::format("{}:{}", place, table.first_line + row), "fill in what is missing before training");
}

}  // namespace

FeatureTable parse_features(std::string_view text, const std::string& place, std::int64_t rows, const std::string& of,
                            std::int64_t memory_limit) {
  Table table = parse_csv(text, place, DType::f32, memory_limit);
  if (table.values.size(0) != rows) {
    throw Error(fmt::format("features of {} {}, where there are {}", table.values.size(0), of == "vertex" ? "vertices" : of + "s", rows),
                fmt::format("{}:{}", place, table.first_line + table.values.size(0) - 1), cut_short);
  }
  check_finite(table, place, of);
  return {std::move(table.values), table.has_header() ? std::move(table.columns) : std::vector<std::string>{}};
}

void set_features(GraphData& data, FeatureTable table) {
  data.groups = {{"features", 0, table.values.size(1)}};
  data.feature_names = std::move(table.names);
  data.dense = std::move(table.values);
  data.sparse = {};
}

void read_labels(GraphData& data, std::string_view text, const std::string& place) {
  std::vector<std::int64_t> labels;
  Lines lines(text, place);
  while (const auto line = lines.next()) {
    Words words(*line);
    const double value = number(words.next(), "the label", lines);
    if (words.next()) throw Error("several labels of one vertex", lines.place(), "tasks with one class a vertex are read");
    if (!std::isnan(value) && !(value >= 0 && value < most_classes && value == std::floor(value))) {
      throw Error(fmt::format("the label {}", value), lines.place(), "labels are whole numbers from 0, or nan where there is none");
    }
    labels.push_back(std::isnan(value) ? -1 : static_cast<std::int64_t>(value));
  }
  if (static_cast<std::int64_t>(labels.size()) != data.vertices())
    throw Error(fmt::format("labels of {} vertices, where there are {}", labels.size(), data.vertices()), lines.place(), cut_short);
  set_labels(data, labels, place);
}

void set_labels(GraphData& data, const std::vector<std::int64_t>& labels, const std::string& place) {
  const std::int64_t classes = labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
  if (classes > most_classes) throw Error(fmt::format("the label {}", classes - 1), place, "number the classes from 0");
  data.labels = Array::of(labels);
  data.class_names.clear();
  for (std::int64_t label = 0; label < classes; ++label) data.class_names.push_back(std::to_string(label));
}

}  // namespace neap::gnn
