// Time of a GCN's epoch against the number of edges: by which power it grows. Vertices stand in the order that the tool chooses.
#include <cmath>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/gnn/gcn_step.h"
#include "bench/harness.h"
#include "neap/gnn/reorder.h"

namespace neap::bench::edges_topic {
namespace {

constexpr std::int64_t width = 64;

void run(Rows& rows) {
  const Threads one(1);
  std::vector<double> x, y;
  for (const std::int64_t entries : {100'000, 300'000, 1'000'000, 3'000'000, 10'000'000}) {
    gnn::GraphData data = gnn::power_law_communities(
        {.vertices = entries / 15, .entries = entries, .communities = std::max<std::int64_t>(1, entries / 6000), .features = width}, 1);
    const gnn::OrderChoice order = gnn::choose_order(data.graph, gnn::Order::automatic, {.row_bytes = 4 * width});
    if (order.order != gnn::Order::none) data = gnn::reordered(data, order.vertices);
    const EdgeArrays edges(data.graph);
    GcnStep step(edges, data.dense, data.labels, {.features = width, .hidden = width, .classes = 10, .layers = 2}, Order::by_cost);
    const auto seconds = interleave({{"step", [&] { step.run(); }}}, {.rounds = 7, .seconds = 0.05, .clock = Clock::thread});
    rows.add(
        alone(fmt::format("{:.1e} edges, {} vertices, order {}", static_cast<double>(edges.edges), edges.vertices, gnn::name(order.order)),
              "ms", 1e3, seconds[0]));
    x.push_back(std::log(static_cast<double>(edges.edges)));
    y.push_back(std::log(median(seconds[0])));
  }
  // The slope of the least squares.
  const double n = static_cast<double>(x.size());
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sx += x[i];
    sy += y[i];
    sxx += x[i] * x[i];
    sxy += x[i] * y[i];
  }
  const double power = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  rows.add({.name = "time grows by this power of the edges",
            .metric = "power",
            .ours = power,
            .other = 1.1,
            .other_name = "the bound",
            .ratio = 1.1 / power,
            .target = 1});
}

const RegisterTopic topic{{"edges", "a GCN's epoch (64 features, hidden 64) on graphs of 10^5 to 10^7 edges, one thread", run}};

}  // namespace
}  // namespace neap::bench::edges_topic
