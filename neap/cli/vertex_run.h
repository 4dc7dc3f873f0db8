// The options of `neap train gnn`, which the run's folder keeps.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "neap/cli/graph_source.h"
#include "neap/train/vertex_training.h"

namespace neap {

struct VertexRun {
  GraphArguments graph;
  std::string model = "sage", jumping = "none", order = "automatic";
  std::int64_t layers = 0;  // 0: one a sample's size, else 2
  std::int64_t hidden = 64, heads = 4;
  double dropout = 0;
  std::int64_t epochs = 100, patience = 0;
  double rate = 0.01, decay = 5e-4;
  std::vector<std::int64_t> sample;        // fan-outs by layer
  std::vector<std::int64_t> layer_sample;  // vertices by layer
  std::int64_t clusters = 0;
  std::int64_t batch = 0;  // 0: 512 vertices, or 4 clusters
  std::uint64_t seed = 0;
  int level = 4;
  bool one_way = false;
};
void add_run_options(const Options& options, VertexRun& run);  // all but --epochs

nlohmann::json json_of(const VertexRun& run);  // as run.json has it
std::optional<VertexRun> find_vertex_run(const std::filesystem::path& folder);

// What is left to Neap (layers, batch), and files from the root.
void settle(VertexRun& run);
gnn::VertexTrainingOptions training_options(const VertexRun& run);  // of a settled run

}  // namespace neap
