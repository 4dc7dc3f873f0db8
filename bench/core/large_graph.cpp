// A graph of 10,000 nodes: what reading, checking and changing it takes.
#include "tests/support/large_graph.h"

#include "bench/harness.h"
#include "neap/transform/optimizer.h"

namespace neap::bench::large_graph_topic {
namespace {

// A pass on the graph as written and on what it is when passes of that kind come: the slower of the two.
Row pass_row(const Transformation& transformation, const std::vector<Graph>& stages) {
  std::vector<double> slowest;
  for (const Graph& graph : stages) {
    std::vector<double> seconds;
    for (int round = 0; round < 3; ++round) {
      Optimizer optimizer(graph);
      optimizer.set_verifying(false);
      seconds.push_back(once_seconds([&] { optimizer.apply_all(transformation); }));
    }
    if (slowest.empty() || median(seconds) > median(slowest)) slowest = seconds;
  }
  return below("pass " + transformation.name, "ms", 1e3, slowest, 200);
}

void run(Rows& rows) {
  const Graph graph = large_graph(10'000);
  const std::string text = to_string(graph);
  const auto seconds = interleave({{"parse and verify", [&] { verify(parse_graph(text)); }}, {"hash", [&] { structural_hash(graph); }}},
                                  {.rounds = 7, .clock = Clock::thread});
  rows.add(below("parse and verify", "ms", 1e3, seconds[0], 200));
  rows.add(below("structural hash", "ms", 1e3, seconds[1], 10));
  Optimizer lowered(graph);
  lowered.set_verifying(false);
  lowered.optimize(0);
  for (const Transformation* transformation : all_transformations()) rows.add(pass_row(*transformation, {graph, lowered.graph()}));
}

const RegisterTopic topic{{"large_graph", "a graph of 10,000 nodes, CPU time of one thread", run}};

}  // namespace
}  // namespace neap::bench::large_graph_topic
