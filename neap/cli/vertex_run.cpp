#include "neap/cli/vertex_run.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "neap/cli/run_file.h"

namespace neap {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GraphArguments, data, features, scale, split)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(VertexRun, graph, model, jumping, order, layers, hidden, heads, dropout, epochs, patience, rate, decay,
                                   sample, layer_sample, clusters, batch, seed, level, one_way)

namespace {

constexpr std::int64_t usual_layers = 2, usual_vertices = 512, usual_clusters = 4;

Jumping jumping_of(const std::string& name) { return name == "concat" ? Jumping::concat : name == "max" ? Jumping::max : Jumping::none; }

}  // namespace

nlohmann::json json_of(const VertexRun& run) { return run; }

std::optional<VertexRun> find_vertex_run(const std::filesystem::path& folder) { return read_run<VertexRun>(folder); }

void settle(VertexRun& run) {
  const std::size_t samples = std::max(run.sample.size(), run.layer_sample.size());
  if (run.layers == 0) run.layers = samples == 0 ? usual_layers : static_cast<std::int64_t>(samples);
  if (run.batch == 0) run.batch = run.clusters > 0 ? std::min(usual_clusters, run.clusters) : usual_vertices;
  if (std::filesystem::exists(run.graph.data)) run.graph.data = std::filesystem::absolute(run.graph.data).lexically_normal().string();
}

gnn::VertexTrainingOptions training_options(const VertexRun& run) {
  return {.network = {.model = run.model,
                      .layers = run.layers,
                      .hidden = run.hidden,
                      .heads = run.heads,
                      .dropout = run.dropout,
                      .jumping = jumping_of(run.jumping)},
          .epochs = run.epochs,
          .fan_outs = run.sample,
          .layer_sizes = run.layer_sample,
          .clusters = run.clusters,
          .batch = run.batch,
          .rate = run.rate,
          .decay = run.decay,
          .seed = run.seed,
          .patience = run.patience,
          .both_ways = !run.one_way,
          .level = run.level};
}

void add_run_options(const Options& options, VertexRun& run) {
  add_graph_options(options, run.graph);
  options.add("--model", &run.model, "gcn, sage, gat, gatv2, gin, or mlp, which sees no edges").shows_default().one_of(graph_models());
  options.add("--layers", &run.layers, "of the network (default: one a number of --sample or --layer-sample, else 2)").between(1, 100);
  options.add("--hidden", &run.hidden, "width between layers").shows_default().between(1, 1 << 16);
  options.add("--heads", &run.heads, "of gat and gatv2; they share the width").shows_default().between(1, 256);
  options.add("--dropout", &run.dropout, "of each layer's features").shows_default().between(0.0, 0.99);
  options.add("--jumping", &run.jumping, "what the last product sees: none (the last layer), concat or max of all")
      .shows_default()
      .one_of({"none", "concat", "max"});
  options.add("--one-way", &run.one_way, "features flow along edges only, not against them");
  options.add("--order", &run.order, "of vertices in memory: none, degree, rcm, community, metis; automatic: where it pays")
      .shows_default()
      .one_of({"none", "degree", "rcm", "community", "metis", "automatic"});
  const Option sample = options.add("--sample", &run.sample, "a step sees samples: so many neighbours by layer, as 10,5; -1: all")
                            .by_commas()
                            .between(-1, (1 << 20) - 1);
  const Option layers = options
                            .add("--layer-sample", &run.layer_sample,
                                 "a step sees so many vertices by layer, as 512,512, drawn for all that read them together")
                            .by_commas()
                            .between(0, (1 << 20) - 1)
                            .not_with(sample);
  options.add("--clusters", &run.clusters, "a step sees some of so many parts of the graph")
      .between(1, 1 << 24)
      .not_with(sample)
      .not_with(layers);
  options.add("--batch", &run.batch, "training vertices a step with samples (default: 512), clusters with --clusters (4)")
      .between(1, 1 << 24);
  options.add("--patience", &run.patience, "epochs without a better validation after which it ends; 0: never")
      .shows_default()
      .between(0, 1000000);
  options.add("--lr", &run.rate, "learning rate of Adam").shows_default().positive();
  options.add("--decay", &run.decay, "weight decay").shows_default().not_negative();
  options.add("--seed", &run.seed, "of parameters, dropout, samples and split").shows_default();
  options.add("--level", &run.level, "of the optimiser").shows_default().between(0, 4);
}

}  // namespace neap
