// What the plan makes of convolutions whose filters are stored sparsely, three in a row with relu between, forward alone and with all
// gradients, against the same dense: never slower, whatever the layout.
#include <fmt/format.h>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/autodiff/gradient.h"
#include "neap/sparse/plan.h"
#include "neap/transform/sparse_dispatch.h"

namespace neap::bench::plan_conv_topic {
namespace {

struct Layers {
  std::int64_t images, channels, size;
};
constexpr int depth = 3;

struct Made {
  Executable run;
  std::vector<Array> inputs;
  int left_dense = 0;  // matrices, and gradients, that are made dense, in whole or in part
};

Made made(const Layers& layers, const char* sparsifier, const char* layout, bool training) {
  Graph graph;
  Builder build(graph);
  const Shape picture{layers.images, layers.channels, layers.size, layers.size};
  Var y = build.input("x", {DType::f32, picture, {}}, training ? Role::parameter : Role::input);
  std::map<std::string, Array> parameters{{"x", random_array({layers.images, layers.channels, layers.size, layers.size}, 1)}};
  std::vector<Var> filters;
  for (int i = 0; i < depth; ++i) {
    const std::string name = fmt::format("w{}", i);
    parameters[name] = random_array({layers.channels, layers.channels, 3, 3}, static_cast<std::uint64_t>(i) + 2);
    filters.push_back(build.input(name, type_of(parameters[name]), Role::parameter));
  }
  for (const Var& w : filters) y = unary("relu", build.call("conv", {y, w}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}));
  graph.add_output((training ? sum(y * y, {}) : y).id(), "loss");
  if (*sparsifier != 0) sparse::sparsify(graph, parameters, sparse::SparsityPlan().add("w*", sparsifier, layout));
  if (training) graph = gradient(graph, {.loss = "loss"});
  Optimizer optimizer(graph);
  optimizer.optimize();
  Made all{generated(optimizer.graph()), {}};
  for (const SparseUse& use : sparse_uses(graph, optimizer)) all.left_dense += use.dense.empty() ? 0 : 1;
  for (const Input& input : graph.inputs) all.inputs.push_back(parameters.at(input.name));
  return all;
}

void run(Rows& rows) {
  struct Form {
    const char *name, *sparsifier, *layout;
  };
  const Form forms[] = {{"2:4:16", "nmg n=2 m=4 g=16", ""},
                        {"1:10:16", "nmg n=1 m=10 g=16", ""},
                        {"4 x 1 blocks, 50 %", "blocks sparsity=0.5 r=4 c=1", ""},
                        {"4 x 1 blocks, 90 %", "blocks sparsity=0.9 r=4 c=1", ""},
                        {"CSR, 75 %", "magnitude sparsity=0.75", "csr"},
                        {"CSR, 90 %", "magnitude sparsity=0.9", "csr"}};
  const Threads one(1);
  for (const Layers& layers : {Layers{2, 64, 56}, {2, 256, 14}, {2, 512, 7}}) {
    for (const bool training : {false, true}) {
      Made dense = made(layers, "", "", training);
      for (const Form& form : forms) {
        Made sparse = made(layers, form.sparsifier, form.layout, training);
        const auto seconds = interleave({{"dense", [&] { dense.run.run(dense.inputs); }}, {"plan", [&] { sparse.run.run(sparse.inputs); }}},
                                        {.rounds = 9, .seconds = 0.01, .clock = Clock::thread});
        const std::string left =
            sparse.left_dense == 0 ? "" : fmt::format(", {} of {} dense", sparse.left_dense, training ? 2 * depth : depth);
        rows.add(against(fmt::format("3x3, {} channels at {}x{}, {} images, {}, {}{}", layers.channels, layers.size, layers.size,
                                     layers.images, form.name, training ? "all gradients" : "forward", left),
                         "ms", 1e3, seconds[1], seconds[0], "dense layers", 0.97));
      }
    }
  }
}

const RegisterTopic topic{{"plan_conv", "convolutions in a row as the plan has them, forward and with gradients", run}};

}  // namespace
}  // namespace neap::bench::plan_conv_topic
