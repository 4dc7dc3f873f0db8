// Which graph a command is about.
#pragma once
#include "neap/cli/command.h"
#include "neap/gnn/graph_data.h"

namespace neap {

struct GraphArguments {
  std::string data = "debian-packages";  // that, arxiv-like, reddit-like, or files (gnn/read_data.h)
  std::vector<std::string> features;     // groups; "random": what the structure alone is worth; none: all
  double scale = 1;                      // of arxiv-like and reddit-like
  std::vector<double> split;             // parts for training and validation; none: as the data are split, else 0.5 and 0.2
};
void add_graph_options(const Options& options, GraphArguments& arguments);

// With features and a split. Error on a name that is neither data nor a file.
gnn::GraphData open_graph(const GraphArguments& arguments, std::uint64_t seed);
// The groups of features that are asked for.
gnn::GraphData with_features(const gnn::GraphData& data, const std::vector<std::string>& groups, std::uint64_t seed);

}  // namespace neap
