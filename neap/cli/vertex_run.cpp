#include "neap/cli/vertex_run.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "neap/cli/run_file.h"

namespace neap {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GraphArguments, data, features, scale, training, validation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(VertexRun, graph, model, jumping, order, layers, hidden, heads, dropout, epochs, patience, rate, decay,
                                   sample, clusters, batch, seed, level, one_way)

namespace {

constexpr std::int64_t usual_layers = 2, usual_vertices = 512, usual_clusters = 4;

Jumping jumping_of(const std::string& name) { return name == "concat" ? Jumping::concat : name == "max" ? Jumping::max : Jumping::none; }

}  // namespace

nlohmann::json json_of(const VertexRun& run) { return run; }

std::optional<VertexRun> find_vertex_run(const std::filesystem::path& folder) { return read_run<VertexRun>(folder); }

void settle(VertexRun& run) {
  if (run.layers == 0) run.layers = run.sample.empty() ? usual_layers : static_cast<std::int64_t>(run.sample.size());
  if (run.batch == 0) run.batch = run.clusters > 0 ? std::min(usual_clusters, run.clusters) : usual_vertices;
  if (std::filesystem::is_directory(run.graph.data)) run.graph.data = std::filesystem::absolute(run.graph.data).lexically_normal().string();
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
          .clusters = run.clusters,
          .batch = run.batch,
          .rate = run.rate,
          .decay = run.decay,
          .seed = run.seed,
          .patience = run.patience,
          .both_ways = !run.one_way,
          .level = run.level};
}

void add_run_options(CLI::App& app, VertexRun& run) {
  add_graph_options(app, run.graph);
  app.add_option("--model", run.model, "gcn, sage, gat, gatv2, gin, or mlp, which sees no edges")
      ->capture_default_str()
      ->check(CLI::IsMember(graph_models()));
  app.add_option("--layers", run.layers, "of the network (default: one a fan-out of --sample, else 2)")->check(CLI::Range(1, 100));
  app.add_option("--hidden", run.hidden, "width between layers")->capture_default_str()->check(CLI::Range(1, 1 << 16));
  app.add_option("--heads", run.heads, "of gat and gatv2; they share the width")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_option("--dropout", run.dropout, "of each layer's features")->capture_default_str()->check(CLI::Range(0.0, 0.99));
  app.add_option("--jumping", run.jumping, "what the last product sees: none (the last layer), concat or max of all")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "concat", "max"}));
  app.add_flag("--one-way", run.one_way, "features flow along edges only, not against them");
  app.add_option("--order", run.order, "of vertices in memory: none, degree, rcm, community, metis; automatic: where it pays")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "degree", "rcm", "community", "metis", "automatic"}));
  CLI::Option* sample = app.add_option("--sample", run.sample, "a step sees samples: so many neighbours by layer, as 10,5; -1: all")
                            ->delimiter(',')
                            ->check(CLI::Range(-1, (1 << 20) - 1));
  app.add_option("--clusters", run.clusters, "a step sees some of so many parts of the graph")
      ->check(CLI::Range(1, 1 << 24))
      ->excludes(sample);
  app.add_option("--batch", run.batch, "training vertices a step with --sample (default: 512), clusters with --clusters (4)")
      ->check(CLI::Range(1, 1 << 24));
  app.add_option("--patience", run.patience, "epochs without a better validation after which it ends; 0: never")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  app.add_option("--lr", run.rate, "learning rate of Adam")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--decay", run.decay, "weight decay")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--seed", run.seed, "of parameters, dropout, samples and split")->capture_default_str();
  app.add_option("--level", run.level, "of the optimiser")->capture_default_str()->check(CLI::Range(0, 4));
}

}  // namespace neap
