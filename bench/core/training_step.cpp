// The demo's training step: optimised against as written, where each operator is a library call or a precompiled loop of its own.
#include <cstring>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/base/error.h"

namespace neap::bench::training_step_topic {
namespace {

constexpr std::int64_t batch = 128;

struct Version {
  Graph graph;
  Cost cost;
};

Version optimized(const Graph& graph, int level) {
  Optimizer optimizer(graph);
  optimizer.optimize(level);
  return {optimizer.graph(), optimizer.cost()};
}

Row smaller(std::string name, double ours, double other, std::string other_name, double target) {
  constexpr double mega = 1e6;
  return {.name = std::move(name),
          .metric = "MB",
          .ours = ours / mega,
          .other = other / mega,
          .other_name = std::move(other_name),
          .ratio = other / ours,
          .target = target};
}

bool same_bits(const std::vector<Array>& a, const std::vector<Array>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].bytes() != b[i].bytes() || std::memcmp(a[i].raw(), b[i].raw(), static_cast<std::size_t>(a[i].bytes())) != 0) return false;
  }
  return true;
}

// Three steps on each number of threads, from the same start.
Row bits_row(Executable& step, const std::vector<Array>& start) {
  std::vector<std::vector<Array>> ends;
  for (const int count : {1, 2}) {
    const Threads threads(count);
    const std::vector<Array> inputs = copies(start);
    std::vector<Array> results;
    for (int i = 0; i < 3; ++i) results = copies(step.run(inputs));
    ends.push_back(std::move(results));
  }
  const double same = same_bits(ends[0], ends[1]) ? 1 : 0;
  return {.name = "same bits on 1 and 2 threads, 3 steps",
          .metric = "yes",
          .ours = same,
          .other = 1,
          .other_name = "always",
          .ratio = same,
          .target = 1};
}

// What a run takes beside its nodes.
Row overhead_row(Executable& step, const std::vector<Array>& inputs) {
  std::vector<double> rest;
  step.set_profiling(true);
  for (int i = 0; i < 15; ++i) {
    double seconds = once_seconds([&] { step.run(inputs); }, Clock::wall);
    for (const NodeProfile& node : step.profile()) seconds -= node.last;
    rest.push_back(seconds);
  }
  step.set_profiling(false);
  return alone("  of which beside the nodes", "us", 1e6, rest);
}

void run(Rows& rows) {
  const DemoStep demo = demo_step(batch);
  const Version best = optimized(demo.graph, 4), written = optimized(demo.graph, 0);
  Executable ours = generated(best.graph), plain(written.graph, {.compile = false}), loops = generated(written.graph);
  const std::vector<Array> a = copies(demo.inputs), b = copies(demo.inputs), c = copies(demo.inputs);
  const double difference = ours.run(a)[0].get(0) - plain.run(b)[0].get(0);
  if (!(std::abs(difference) < 1e-3)) throw Error(fmt::format("the losses of the two versions differ by {}", difference));
  const auto seconds = interleave(
      {{"optimised", [&] { ours.run(a); }}, {"as written", [&] { plain.run(b); }}, {"as written, generated", [&] { loops.run(c); }}},
      {.rounds = 9, .seconds = 0});
  rows.add(against("training step, batch 128", "ms", 1e3, seconds[0], seconds[1], "as written", 1.5));
  rows.add(against("training step, batch 128", "ms", 1e3, seconds[0], seconds[2], "as written, generated", std::nullopt));
  rows.add(overhead_row(ours, a));
  rows.add(smaller("bytes moved a step, modelled", best.cost.bytes, written.cost.bytes, "as written", 1 / 0.65));
  const auto arena = [](const Graph& graph, bool reuse) { return static_cast<double>(plan_memory(graph, {}, reuse).arena_bytes); };
  rows.add(smaller("arena", arena(best.graph, true), arena(written.graph, false), "as written, no reuse", 1 / 0.7));
  rows.add(smaller("arena", arena(best.graph, true), arena(written.graph, true), "as written, reuse", 1 / 0.7));
  rows.add(bits_row(ours, demo.inputs));
  const auto cost = interleave({{"deterministic", [&] { ours.run(a); }, [&] { set_deterministic(true), ours.run(a); }},
                                {"not", [&] { ours.run(a); }, [&] { set_deterministic(false), ours.run(a); }}},
                               {.rounds = 9, .seconds = 0});
  set_deterministic(true);
  rows.add(against("training step, deterministic", "ms", 1e3, cost[0], cost[1], "not deterministic", std::nullopt));
}

const RegisterTopic topic{{"training_step", "the demo's training step, batch 128, AdamW", run}};

}  // namespace
}  // namespace neap::bench::training_step_topic
