#include "neap/cli/graph_source.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/gnn/debian.h"
#include "neap/gnn/generate.h"
#include "neap/gnn/read_data.h"
#include "neap/train/vertex_training.h"

namespace neap {
namespace {

struct Split {
  double training = 0.5, validation = 0.2;
};

Split split_of(const GraphArguments& arguments) {
  if (arguments.split.empty()) return {};
  if (arguments.split.size() != 2) {
    throw Error(fmt::format("{} parts for training and validation", arguments.split.size()), "--split",
                "give two, as 0.5,0.2: the rest is for the test");
  }
  return {arguments.split[0], arguments.split[1]};
}

gnn::GraphData open_named(const GraphArguments& arguments, const Split& split, std::uint64_t seed) {
  if (arguments.data == "arxiv-like") return gnn::arxiv_like(seed, arguments.scale);
  if (arguments.data == "reddit-like") return gnn::reddit_like(seed, arguments.scale);
  if (arguments.scale != 1)
    throw Error(fmt::format("'{}' has no scale", arguments.data), "--scale", "leave it out: it is of arxiv-like and reddit-like");
  if (arguments.data == "debian-packages")
    return gnn::read_debian_packages({}, {.seed = seed, .training = split.training, .validation = split.validation});
  if (std::filesystem::exists(arguments.data)) return gnn::open_graph_data(arguments.data);
  throw Error(fmt::format("'{}' is no data of a graph", arguments.data), "--data",
              "give debian-packages, arxiv-like, reddit-like, a folder that `neap data` made, an OGB folder, or a file of a graph");
}

}  // namespace

void add_graph_options(const Options& options, GraphArguments& arguments) {
  options.add("--data", &arguments.data, "debian-packages, arxiv-like, reddit-like, a folder that `neap data` made, or a graph's files")
      .shows_default();
  options.add("--features", &arguments.features, "groups of features, as labels,numbers; or random: the structure alone (default: all)")
      .by_commas();
  options.add("--scale", &arguments.scale, "of arxiv-like and reddit-like: a part of their vertices and edges")
      .shows_default()
      .between(1e-4, 1.0);
  options.add("--split", &arguments.split, "parts for training and validation, the rest for the test (default: the data's, or 0.5,0.2)")
      .by_commas()
      .between(0.0, 1.0);
}

gnn::GraphData with_features(const gnn::GraphData& data, const std::vector<std::string>& groups, std::uint64_t seed) {
  if (groups.empty()) return data;
  if (std::find(groups.begin(), groups.end(), "random") == groups.end()) return gnn::with_groups(data, groups);
  if (groups.size() > 1) throw Error("random features stand alone", "--features", "give random, or groups of the data");
  return gnn::structure_only(data, seed);
}

gnn::GraphData open_graph(const GraphArguments& arguments, std::uint64_t seed) {
  const Split split = split_of(arguments);
  gnn::GraphData data = open_named(arguments, split, seed);
  if (!arguments.split.empty() || data.training.count() == 0) gnn::split_vertices(data, split.training, split.validation, seed);
  return with_features(data, arguments.features, seed);
}

}  // namespace neap
