// One sparse product on one thread: against the plain loop, and what it gathers against what memory streams.
#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/gnn/graph_inputs.h"
#include "bench/gnn/plain_spmm.h"
#include "bench/harness.h"

namespace neap::bench::spmm_topic {
namespace {

void run(Rows& rows) {
  const Threads one(1);
  const EdgeArrays edges(gnn::arxiv_like(1).graph);
  const Array stream = random_array({64 << 20}, 1);
  for (const std::int64_t width : {16, 32, 64, 128, 256, 512}) {
    Graph graph;
    Builder build(graph);
    const Var x = build.input("x", {DType::f32, {edges.vertices, width}, {}});
    const std::vector<Var> e = edges.inputs(build, Role::input);
    graph.add_output(build.call("spmm", {x, e[0], e[1], e[2], e[3], e[4], e[5]}).id(), "y");
    Executable ours = executable_of(graph);
    std::vector<Array> inputs{random_array({edges.vertices, width}, 1)};
    inputs.insert(inputs.end(), edges.arrays.begin(), edges.arrays.end());
    Array result(DType::f32, {edges.vertices, width});
    const auto plain = [&] {
      plain_spmm(edges.vertices, width, edges.arrays[1].values<std::int64_t>().data(), edges.arrays[2].values<std::int32_t>().data(),
                 edges.arrays[0].values<float>().data(), inputs[0].values<float>().data(), result.values<float>().data());
    };
    volatile float kept = 0;
    const auto seconds = interleave({{"neap", [&] { ours.run(inputs); }},
                                     {"plain", plain},
                                     {"stream", [&] { kept = plain_sum(stream.values<float>().data(), stream.count()); }}},
                                    {.rounds = 7, .seconds = 0, .clock = Clock::thread});
    const bool judged = width == 64 || width == 256;
    const std::string name = fmt::format("spmm, {} wide", width);
    rows.add(against(name, "ms", 1e3, seconds[0], seconds[1], "plain loop", judged ? std::optional(2.0) : std::nullopt));
    const double gathered = 4.0 * static_cast<double>(edges.edges * width) / median(seconds[0]) / 1e9;
    const double streamed = static_cast<double>(stream.bytes()) / median(seconds[2]) / 1e9;
    const bool out_of_cache = width >= 64;
    rows.add({.name = "  gathered",
              .metric = "GB/s",
              .ours = gathered,
              .other = streamed,
              .other_name = "stream read",
              .ratio = gathered / streamed,
              .spread = spread(seconds[0]),
              .target = out_of_cache ? std::optional(0.6) : std::nullopt});
  }
}

const RegisterTopic topic{{"spmm", "a sparse product on the graph like ogbn-arxiv, one thread", run}};

}  // namespace
}  // namespace neap::bench::spmm_topic
