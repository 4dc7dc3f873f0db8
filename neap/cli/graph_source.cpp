#include "neap/cli/graph_source.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/gnn/debian.h"
#include "neap/gnn/generate.h"
#include "neap/train/vertex_training.h"

namespace neap {
namespace {

gnn::GraphData open_named(const GraphArguments& arguments, std::uint64_t seed) {
  if (arguments.data == "arxiv-like") return gnn::arxiv_like(seed, arguments.scale);
  if (arguments.data == "reddit-like") return gnn::reddit_like(seed, arguments.scale);
  if (arguments.data == "debian-packages") {
    return gnn::debian_packages(gnn::available_packages(), "apt-cache dumpavail",
                                {.seed = seed, .training = arguments.training, .validation = arguments.validation});
  }
  if (std::filesystem::is_directory(arguments.data)) return gnn::load_graph_data(arguments.data);
  throw Error(fmt::format("'{}' is no data of a graph", arguments.data), "--data",
              "give debian-packages, arxiv-like, reddit-like, or a folder that `neap data debian-packages --out DIR` made");
}

}  // namespace

void add_graph_options(const Options& options, GraphArguments& arguments) {
  options.add("--data", &arguments.data, "debian-packages, arxiv-like, reddit-like, or a folder made by `neap data`").shows_default();
  options.add("--features", &arguments.features, "groups of features, as labels,numbers; or random: the structure alone (default: all)")
      .by_commas();
  options.add("--scale", &arguments.scale, "of arxiv-like and reddit-like: a part of their vertices and edges")
      .shows_default()
      .between(1e-4, 1.0);
}

gnn::GraphData with_features(const gnn::GraphData& data, const std::vector<std::string>& groups, std::uint64_t seed) {
  if (groups.empty()) return data;
  if (std::find(groups.begin(), groups.end(), "random") == groups.end()) return gnn::with_groups(data, groups);
  if (groups.size() > 1) throw Error("random features stand alone", "--features", "give random, or groups of the data");
  return gnn::structure_only(data, seed);
}

gnn::GraphData open_graph(const GraphArguments& arguments, std::uint64_t seed) {
  gnn::GraphData data = open_named(arguments, seed);
  if (data.training.count() == 0) gnn::split_vertices(data, arguments.training, arguments.validation, seed);
  return with_features(data, arguments.features, seed);
}

}  // namespace neap
