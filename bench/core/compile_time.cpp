// How long the demo's training graph takes from operators to an executable.
#include <cstdlib>
#include <optional>

#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/base/file.h"
#include "neap/ops/builder.h"
#include "neap/runtime/executable.h"

namespace neap::bench::compile_time_topic {
namespace {

// An empty cache of this object's own.
class EmptyCache {
 public:
  EmptyCache() {
    if (const char* given = std::getenv("NEAP_CACHE")) before_ = given;
    setenv("NEAP_CACHE", folder_.path().c_str(), 1);
  }
  ~EmptyCache() { before_ ? setenv("NEAP_CACHE", before_->c_str(), 1) : unsetenv("NEAP_CACHE"); }
  EmptyCache(const EmptyCache&) = delete;
  EmptyCache& operator=(const EmptyCache&) = delete;

 private:
  TemporaryFolder folder_;
  std::optional<std::string> before_;
};

// A kernel that no other has: its size is part of it.
void add_kernel(Builder& build, std::int64_t size) {
  const Var x = build.input(fmt::format("x{}", size), {DType::f32, {1024, size}, {}});
  build.graph().add_output((tanh(x) * 2.0 + sigmoid(x)).id(), fmt::format("y{}", size));
}

Graph one_kernel(std::int64_t size) {
  Graph graph;
  Builder build(graph);
  add_kernel(build, size);
  Optimizer optimizer(graph);
  optimizer.optimize();
  return optimizer.graph();
}

Graph one_more_kernel(Graph graph, std::int64_t size) {
  Builder build(graph);
  add_kernel(build, size);
  Optimizer optimizer(graph);
  optimizer.optimize();
  return optimizer.graph();
}

void run(Rows& rows) {
  const DemoStep demo = demo_step(128);
  Graph graph;
  const auto optimize = interleave({{"optimize",
                                     [&] {
                                       Optimizer optimizer(demo.graph);
                                       optimizer.optimize();
                                       graph = optimizer.graph();
                                     }}},
                                   {.rounds = 3, .seconds = 0});
  const auto compile = [&](const Graph& what) { return std::function<void()>([&what] { const Executable made(what); }); };
  std::optional<EmptyCache> cache;
  const auto cold = interleave({{"cold", compile(graph), [&] { cache.reset(), cache.emplace(); }}}, {.rounds = 3, .seconds = 0});
  const auto warm = interleave({{"warm", compile(graph)}}, {.rounds = 9, .seconds = 0});
  std::int64_t size = 64;
  Graph single, more;
  const auto one = interleave({{"one", compile(single), [&] { single = one_kernel(++size); }}}, {.rounds = 5, .seconds = 0});
  const auto next = interleave({{"next", compile(more), [&] { more = one_more_kernel(demo.graph, ++size); }}}, {.rounds = 5, .seconds = 0});
  rows.add(alone("demo's training graph: optimizer", "ms", 1e3, optimize[0]));
  rows.add(below("  cold compile", "s", 1, cold[0], 4));
  rows.add(below("  warm compile", "ms", 1e3, warm[0], 50));
  rows.add(below("  one more kernel in it", "ms", 1e3, next[0], 100));
  rows.add(below("a graph of one kernel, cold", "ms", 1e3, one[0], 100));
}

const RegisterTopic topic{{"compile_time", "generating, compiling and loading, wall time", run}};

}  // namespace
}  // namespace neap::bench::compile_time_topic
