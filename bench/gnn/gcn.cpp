// Training steps of GCNs in the order that the cost model chooses, against transforming first everywhere, and with what is fixed kept.
#include <cmath>

#include "bench/core/graphs.h"
#include "bench/gnn/gcn_step.h"
#include "bench/harness.h"
#include "neap/base/error.h"

namespace neap::bench::gcn_topic {
namespace {

struct Data {
  explicit Data(const gnn::GraphData& data) : edges(data.graph), features(data.dense), labels(data.labels) {}
  static constexpr std::int64_t classes = 41;
  EdgeArrays edges;
  Array features, labels;
  GcnShape shape(std::int64_t hidden, int layers) const { return {features.size(1), hidden, classes, layers}; }
};

// Error where an order changes what is computed.
void check_losses(std::vector<GcnStep>& steps, const std::string& name) {
  const double first = steps[0].run();
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const double loss = steps[i].run();
    if (!(std::abs(loss - first) <= 1e-5 * std::abs(first))) throw Error(fmt::format("losses differ: {} and {}", first, loss), name);
  }
}

void cell(Rows& rows, const Data& data, const std::string& name, std::int64_t hidden, int layers, int rounds, std::optional<double> by_cost,
          std::optional<double> kept) {
  std::vector<GcnStep> steps;
  for (const Order order : {Order::transform_first, Order::by_cost, Order::kept}) {
    steps.emplace_back(data.edges, data.features, data.labels, data.shape(hidden, layers), order);
  }
  check_losses(steps, name);
  const auto seconds =
      interleave({{"first", [&] { steps[0].run(); }}, {"cost", [&] { steps[1].run(); }}, {"kept", [&] { steps[2].run(); }}},
                 {.rounds = rounds, .seconds = 0});
  rows.add(against(fmt::format("{}, hidden {}, {} layers", name, hidden, layers), "ms", 1e3, seconds[1], seconds[0], "transform first",
                   by_cost));
  rows.add(against("  with the first aggregate kept", "ms", 1e3, seconds[2], seconds[0], "transform first", kept));
}

void run_large(Rows& rows) {
  const Data arxiv(gnn::arxiv_like(1)), dense(gnn::reddit_like(1));
  for (const std::int64_t hidden : {64, 256, 512})
    cell(rows, arxiv, "arxiv-like", hidden, 2, 5, hidden >= 256 ? std::optional(1.25) : std::nullopt, std::nullopt);
  for (const std::int64_t hidden : {16, 128}) cell(rows, dense, "denser", hidden, 2, 5, std::nullopt, 2.0);
}

// Whether the order chosen is ever a loss: 20 cells on a graph an eighth as large, on one thread, whose time others do not disturb.
void run_cells(Rows& rows, const gnn::GraphData& graph) {
  const Threads one(1);
  const Data data(graph);
  double worst = 1;
  int same = 0;
  for (const std::int64_t hidden : {8, 16, 32, 64, 96, 128, 192, 256, 384, 512}) {
    for (const int layers : {2, 3}) {
      std::vector<GcnStep> steps;
      for (const Order order : {Order::transform_first, Order::by_cost})
        steps.emplace_back(data.edges, data.features, data.labels, data.shape(hidden, layers), order);
      if (structural_hash(steps[0].graph()) == structural_hash(steps[1].graph())) {
        ++same;  // one program is as quick as itself
        continue;
      }
      const std::string name = fmt::format("hidden {}, {} layers", hidden, layers);
      check_losses(steps, name);
      const auto seconds = interleave({{"first", [&] { steps[0].run(); }}, {"cost", [&] { steps[1].run(); }}},
                                      {.rounds = 9, .seconds = 0, .clock = Clock::thread});
      rows.add(against(name, "ms", 1e3, seconds[1], seconds[0], "transform first", std::nullopt));
      worst = std::min(worst, *rows.all().back().ratio);
    }
  }
  rows.add({.name = fmt::format("the worst of 20 cells ({} of them the same plan)", same),
            .metric = "ratio",
            .ours = worst,
            .ratio = worst,
            .target = 0.97});
}

const RegisterTopic large{{"gcn", "a GCN's training step on graphs of the sizes of ogbn-arxiv and a denser one", run_large}};
const RegisterTopic cells{{"gcn_cells", "the same over many widths and depths, one thread, on a smaller graph",
                           [](Rows& rows) { run_cells(rows, gnn::arxiv_like(1, 0.125)); }}};
const RegisterTopic dense_cells{
    {"gcn_cells_dense", "the same on a denser graph", [](Rows& rows) { run_cells(rows, gnn::reddit_like(1, 0.125)); }}};

}  // namespace
}  // namespace neap::bench::gcn_topic
