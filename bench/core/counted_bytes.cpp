// The bytes that the cost model says a kernel moves, against those that its loads and stores move between a cache and memory: a simulated
// one, and the machine's own where its processor counts what misses it.
#include "neap/runtime/counted_bytes.h"

#include <cmath>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/base/event_counter.h"
#include "neap/runtime/executable.h"

namespace neap::bench::counted_bytes_topic {
namespace {

constexpr std::int64_t elements = std::int64_t{1} << 22;

struct Subject {
  std::string name;
  Graph graph;
  bool wanted = true;  // has a target
};

Type floats(const Sizes& sizes) { return {DType::f32, Shape(sizes.begin(), sizes.end()), {}}; }

template <class F>
Subject subject(const std::string& name, const Sizes& sizes, const F& compute) {
  Subject made{.name = name};
  Builder build(made.graph);
  made.graph.add_output(compute(build, build.input("x", floats(sizes))).id(), "y");
  return made;
}

Var parameter(Builder& build, const std::string& name, const Sizes& sizes) { return build.input(name, floats(sizes), Role::parameter); }

// Of pictures 4 x in x 56 x 56; channels-last with filters laid so, as networks run it.
Subject convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel, bool channels_last) {
  Subject made{.name = name};
  Builder build(made.graph);
  const std::int64_t groups = kernel > 1 ? in : 1;
  Type pictures = floats({4, in, 56, 56}), filters = floats({out, in / groups, kernel, kernel});
  if (channels_last) {
    pictures.layout = Layout::channels_last(4);
    filters.layout = Layout::parse("cdba", 4);
  }
  const Var x = build.input("x", pictures), w = build.input("w", filters, Role::parameter);
  const Var y = build.call("conv", {x, w}, {{"groups", groups}, {"pads", std::vector<std::int64_t>(4, kernel / 2)}});
  made.graph.add_output(y.id(), "y");
  made.graph.set_type(y.id(), {DType::f32, y.shape(), pictures.layout});
  return made;
}

std::vector<Subject> subjects() {
  std::vector<Subject> all;
  all.push_back(subject("copy, scaled", {elements}, [](Builder&, const Var& x) { return x * 2.0; }));
  all.push_back(subject("fused chain of 5", {elements}, [](Builder& build, const Var& x) {
    const Var y = unary("swish", x * 1.5 + 0.25);
    return build.call("maximum", {y, y * 0.1});
  }));
  all.push_back(subject("layer norm, 4096 x 768", {4096, 768}, [](Builder& build, const Var& x) {
    return build.call("layer_norm", {x, parameter(build, "scale", {768}), parameter(build, "bias", {768})});
  }));
  all.push_back(subject("softmax, 4096 x 1000", {4096, 1000}, [](Builder& build, const Var& x) { return build.call("softmax", {x}); }));
  all.push_back(convolution("depthwise 3x3, 4 x 144 x 56 x 56", 144, 144, 3, true));
  all.push_back(convolution("1x1, 4 x 144 x 56 x 56 to 64", 144, 64, 1, true));
  all.push_back(convolution("1x1, row-major (not as networks run it)", 144, 64, 1, false));
  all.back().wanted = false;
  return all;
}

// What this thread asks memory for while the graph runs, its inputs out of cache. Stores that go past the caches are not in it.
double missed_bytes(const Graph& graph, const std::vector<Array>& inputs, EventCounter& misses) {
  const Threads one(1);
  Executable executable(graph);
  executable.run(inputs);
  const Array others = Array::full(DType::u8, {4 * machine().l3_bytes}, 1);  // pushes everything else out
  misses.start();
  executable.run(inputs);
  constexpr double line = 64;
  return line * static_cast<double>(misses.stop());
}

void run(Rows& rows) {
  std::optional<EventCounter> misses = EventCounter::open(Event::cache_misses);
  for (const Subject& one : subjects()) {
    Optimizer optimizer(one.graph);
    optimizer.optimize(4, false);
    std::vector<Array> inputs;
    for (const Input& input : optimizer.graph().inputs) {
      inputs.push_back(random_array(evaluate(optimizer.graph().type(input.value).shape, {}), inputs.size() + 1));
    }
    double counted = 0, read = 0;
    for (const CountedBytes& node : count_bytes(optimizer.graph(), inputs, machine().l2_bytes)) {
      counted += node.total();
      read += node.read;
    }
    const double modelled = optimizer.cost().bytes;
    rows.add({.name = one.name,
              .metric = "MB",
              .ours = modelled * 1e-6,
              .other = counted * 1e-6,
              .other_name = "counted, simulated L2",
              .ratio = 1 - std::abs(modelled - counted) / counted,
              .target = one.wanted ? std::optional(0.85) : std::nullopt});
    if (!misses) continue;
    const double missed = missed_bytes(optimizer.graph(), inputs, *misses);
    rows.add({.name = one.name + ", read",
              .metric = "MB",
              .ours = read * 1e-6,
              .other = missed * 1e-6,
              .other_name = "counted by the processor",
              .ratio = 1 - std::abs(read - missed) / missed});
  }
}

const RegisterTopic topic{{"counted_bytes", "modelled bytes against those counted; the ratio is 1 less what the model is off by", run}};

}  // namespace
}  // namespace neap::bench::counted_bytes_topic
