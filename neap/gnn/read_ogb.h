// The layout of the Open Graph Benchmark's node tasks: raw/edge.csv.gz, raw/num-node-list.csv.gz, raw/node-feat.csv.gz,
// raw/node-label.csv.gz, raw/edge-feat.csv.gz, split/NAME/{train,valid,test}.csv.gz; plain files too.
#pragma once
#include <filesystem>
#include <map>

#include "neap/gnn/build.h"
#include "neap/gnn/graph_data.h"
#include "neap/gnn/read.h"

namespace neap::gnn {

// Features, labels and the split (the only one, or the one called `split`) where they are there; a label of "nan" is none. Error naming
// file and line.
GraphData read_ogb(const std::filesystem::path& folder, const BuildOptions& build = {}, const std::string& split = "",
                   const ReadOptions& options = {});

// The same from the texts of the files, by their names: "edge", "num-node-list", "node-feat", "node-label", "edge-feat", "train", "valid",
// "test". `place`: the folder.
struct OgbFile {
  std::string text, place;
};
GraphData parse_ogb(const std::map<std::string, OgbFile>& files, const std::string& place, const BuildOptions& build = {},
                    const ReadOptions& options = {});

}  // namespace neap::gnn
