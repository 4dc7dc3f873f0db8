// What `neap demo gnn` does: learns the sections of Debian's packages from ever more of what is known of them, with and without edges, and
// sets a training step as written against the transformed one.
#pragma once
#include <cstdio>
#include <filesystem>

#include "neap/gnn/graph_data.h"

namespace neap {

struct GnnDemoOptions {
  std::filesystem::path out = "out/demo-gnn";
  std::int64_t epochs = 100, hidden = 64;
  double rate = 0.01, decay = 5e-4, dropout = 0;
  std::uint64_t seed = 0;
  int rounds = 9;  // of the two steps, in turn
  std::string command = "neap demo gnn";
  std::FILE* text = stdout;
};

struct GnnDemoResult {
  bool stopped = false;
  bool passed = false;  // every check held
  std::string figures;  // demo.json
};

// `data`: packages with the groups of features "labels", "numbers" and "tags". Leaves report.html and demo.json in `out`.
GnnDemoResult run_gnn_demo(const gnn::GraphData& data, const GnnDemoOptions& options);

}  // namespace neap
