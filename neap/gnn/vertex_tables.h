// Tables that stand beside a graph, a line for each vertex or edge: features and labels, from files that are named with their lines.
#pragma once
#include "neap/gnn/graph_data.h"

namespace neap::gnn {

struct FeatureTable {
  Array values;                    // f32 [rows, columns]
  std::vector<std::string> names;  // of the columns; none where the file has no header
};

// CSV (files/csv.h), of as many lines of finite numbers as `rows`. `of`: "vertex", "edge". Before it is allocated, the table is held
// against `memory_limit` (0: the machine's memory).
FeatureTable parse_features(std::string_view text, const std::string& place, std::int64_t rows, const std::string& of,
                            std::int64_t memory_limit = 0);

// Becomes the features of the vertices, as one group.
void set_features(GraphData& data, FeatureTable table);

// One label a line: a whole number from 0, or "nan" where there is none.
void read_labels(GraphData& data, std::string_view text, const std::string& place);
// Classes are 0 .. the largest label. Error on labels beyond 2^20.
void set_labels(GraphData& data, const std::vector<std::int64_t>& labels, const std::string& place);

}  // namespace neap::gnn
