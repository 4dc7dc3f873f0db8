// Code on tensors that runs at once: what one small operator costs beside its work.
#include "neap/runtime/at_once.h"

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/tensor/functions.h"

namespace neap::bench {
namespace {

std::vector<Row> run() {
  const Threads one(1);
  const Tensor a(random_array({16}, 1)), b(random_array({16}, 2));
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", a.type()), y = build.input("y", b.type());
  graph.add_output((x + y).id(), "z");
  const std::vector<Array> inputs{a.array(), b.array()};
  const auto seconds =
      interleave({{"tensor", [&] { (a + b).array(); }}, {"graph", [&] { run_at_once(graph, inputs); }}}, {.clock = Clock::thread});
  return {below("tensors: a + b of 16 elements", "us", 1e6, seconds[0], 3), below("a graph of that, at once", "us", 1e6, seconds[1], 3)};
}

const RegisterTopic topic{{"at_once", "overhead without a compiler, one thread", run}};

}  // namespace
}  // namespace neap::bench
